"""Building a package: everything read as of one moment, streamed, packed, and entered in the dataset's row."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from vitrine import __version__
from vitrine.errors import DatasetError
from vitrine.settings import Settings
from vitrine_database.connection import connect
from vitrine_evaluation.dataset import archive, bag, descriptor, documents, evidence
from vitrine_evaluation.dataset.contents import Contents, read, snapshot
from vitrine_evaluation.dataset.layout import SOFTWARE
from vitrine_evaluation.dataset.observations import Series, Source, write_device
from vitrine_evaluation.dataset.request import SQL, Row, check_kept, get, path
from vitrine_evaluation.dataset.summary import Measured, summarize
from vitrine_evaluation.dataset.tables import write_json
from vitrine_evaluation.evaluate import Values, compute
from vitrine_evaluation.periods import PERIODS, Period

#: Seconds between two notes of progress.
_EVERY_S = 0.5
#: Shares of the whole at which each stage ends.
_OBSERVATIONS, _DOCUMENTS, _PACKED = 0.85, 0.9, 0.98
_PACKAGES = ("numpy", "pyarrow", "pint", "psycopg", "adbc-driver-postgresql")

#: Is told the share done and the key of the stage; what it raises stops the build.
Progress = Callable[[float, str], None]


class BusyError(DatasetError):
    """Another process builds this dataset."""


def build(settings: Settings, dataset_id: int, progress: Progress = lambda share, stage: None) -> Row:
    """Build the package of a dataset and return its row; DatasetError where some of its measurements were dropped.

    A build that is stopped leaves nothing but its request, and can begin anew.
    """
    with connect(settings.database_url, name="vitrine dataset progress") as connection:
        row = get(connection, dataset_id)
        if connection.execute(SQL["alone"], {"dataset": dataset_id}).fetchone() != (True,):
            raise BusyError(f"{row['slug']} is being built by another process")
        target = path(settings, row)
        target.parent.mkdir(parents=True, exist_ok=True)
        for remains in target.parent.glob(f".{row['slug']}-*"):
            shutil.rmtree(remains)
        note = _Note(connection, dataset_id, progress)
        with tempfile.TemporaryDirectory(prefix=f".{row['slug']}-", dir=target.parent) as folder:
            root = Path(folder) / target.stem
            contents, measured = _fill(settings.database_url, root, dataset_id, note)
            note(_DOCUMENTS, "packing", now=True)
            archive.pack(root, target, lambda share: note(_DOCUMENTS + (_PACKED - _DOCUMENTS) * share, "packing"))
        note(_PACKED, "sealing", now=True)
        return _done(connection, dataset_id, target, summarize(contents, measured))


class _Note:
    """Writes progress to the dataset's row, not more often than people look."""

    def __init__(self, connection: psycopg.Connection, dataset_id: int, tell: Progress) -> None:
        self._connection, self._dataset, self._tell = connection, dataset_id, tell
        self._next = 0.0

    def __call__(self, share: float, stage: str, *, now: bool = False) -> None:
        if not now and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        self._connection.execute(SQL["progress"], {"dataset": self._dataset, "progress": share, "stage": stage})
        self._tell(share, stage)


def _fill(url: str, root: Path, dataset_id: int, note: _Note) -> tuple[Contents, Measured]:
    """Write the whole bag into a folder."""
    folder = root / "data"
    folder.mkdir(parents=True)
    note(0.0, "reading", now=True)
    with snapshot(url) as (connection, moment):
        contents = read(connection, dataset_id)
        # once more: between the request and the build a day may have reached its term
        check_kept(connection, contents.installation, contents.dataset["first_time"], contents.dataset["last_time"])
        series = _observe(url, moment, folder, contents, note)
    measured = Measured(series, _evaluate(contents, series))
    note(_OBSERVATIONS, "documents", now=True)
    evidence.write(folder, contents, measured)
    write_json(folder, SOFTWARE, _software(contents))
    documents.write(folder, contents, summarize(contents, measured))
    descriptor.write_package(folder, contents, measured)
    descriptor.write_crate(folder, contents)
    bag.write(root, _bag_info(contents))
    return contents, measured


def _observe(url: str, moment: str, folder: Path, contents: Contents, note: _Note) -> dict[str, Series]:
    dataset, devices = contents.dataset, contents.devices()
    source = Source(url, moment, dataset["first_time"], dataset["last_time"])
    found: dict[str, Series] = {}
    done = 0
    try:
        for device, channels in devices.items():
            share = len(channels) / len(contents.channels)

            def tell(part: float, done: int = done, share: float = share) -> None:
                note(_OBSERVATIONS * (done / len(contents.channels) + part * share), "observations")

            found |= write_device(source, folder, device, channels, tell)
            done += len(channels)
    finally:
        source.close()
    return found


def _evaluate(contents: Contents, series: dict[str, Series]) -> dict[tuple[str, Period], Values]:
    """Compute the indicators from the very values that the package holds."""
    found = {}
    for definition in contents.definitions:
        if definition.formula is None:
            continue
        for period in PERIODS:
            inputs = {name: series[path].periods[period] for name, path in definition.indicator.inputs.items()}
            found[definition.indicator.key, period] = compute(definition.formula, inputs)
    return found


def _software(contents: Contents) -> dict[str, object]:
    return {
        "vitrine": __version__,
        "python": sys.version.split()[0],
        "packages": {name: version(name) for name in _PACKAGES},
        "database": {"edition": contents.edition, "migrations": contents.migrations},
        "installation_file_sha256": contents.installation["file_sha256"],
    }


def _bag_info(contents: Contents) -> list[tuple[str, str]]:
    dataset, installation = contents.dataset, contents.installation
    lines = [
        ("Source-Organization", installation["organisation_name"] or installation["organisation"] or "-"),
        ("External-Description", dataset["title"]["fr"]),
        ("External-Description", dataset["title"]["en"]),
        ("External-Identifier", f"{dataset['slug']}_v{dataset['version']}"),
        ("Bagging-Date", f"{dataset['created_at']:%Y-%m-%d}"),
        ("Bag-Software-Agent", f"Vitrine {__version__}"),
    ]
    return [(key, " ".join(str(value).split())) for key, value in lines]


def _done(connection: psycopg.Connection, dataset_id: int, target: Path, summary: dict[str, object]) -> Row:
    values = {
        "dataset": dataset_id,
        "file_name": target.name,
        "bytes": target.stat().st_size,
        "sha256": bag.sha256(target),
        "rows": summary["rows"],
        "summary": Jsonb(summary),
    }
    connection.execute(SQL["done"], values)
    return get(connection, dataset_id)
