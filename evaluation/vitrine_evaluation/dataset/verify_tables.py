"""Verification of a package's description: what ``datapackage.json`` says against what the files hold."""

from __future__ import annotations

import csv
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.units import UNITS
from vitrine_evaluation.dataset.bag import sha256
from vitrine_evaluation.dataset.findings import Check
from vitrine_evaluation.dataset.layout import (
    DESCRIPTOR,
    OBSERVATION_COLUMNS,
    OBSERVATIONS,
    TABLES,
    Column,
)
from vitrine_evaluation.dataset.verify_files import Unpacked

#: What reading a damaged table or document can raise.
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    zlib.error,
    csv.Error,
    pa.ArrowException,
)

_READ: Mapping[str, Callable[[str], object]] = {
    "string": str,
    "integer": int,
    "number": float,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


@dataclass(slots=True)
class Description:
    """What the package says of itself, as far as it could be read."""

    start: datetime | None = None
    end: datetime | None = None
    #: Number of rows by file.
    rows: dict[str, int] = field(default_factory=dict)
    #: Tables by file, each row by column.
    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    #: Pairs of Parquet and CSV files of observations.
    observations: list[tuple[str, str]] = field(default_factory=list)


def check_description(check: Check, unpacked: Unpacked) -> Description | None:
    """Check every described file against its description; None where there is no description."""
    if not unpacked.has(DESCRIPTOR):
        check.skip()
        return None
    found = Description()
    try:
        document = json.loads(unpacked.data(DESCRIPTOR).read_text(encoding="utf-8"))
        found.start = datetime.fromisoformat(document["temporal"]["start"])
        found.end = datetime.fromisoformat(document["temporal"]["end"])
        resources = {str(resource["path"]): resource for resource in document["resources"]}
    except DAMAGE as error:
        check.find("not_readable", file=DESCRIPTOR, reason=_reason(error))
        return None
    _check_listing(check, unpacked, set(resources))
    for path, resource in resources.items():
        if unpacked.has(path):
            _check_resource(check, unpacked, path, resource, found)
    found.observations = [
        (path, path.removesuffix(".parquet") + ".csv.gz") for path in sorted(found.rows) if path.endswith(".parquet")
    ]
    return found


def read_json(check: Check, unpacked: Unpacked, name: str) -> Any | None:  # noqa: ANN401
    """Return a JSON document of the package; None where it cannot be read, which is noted."""
    if not unpacked.has(name):
        return None
    try:
        return json.loads(unpacked.data(name).read_text(encoding="utf-8"))
    except DAMAGE as error:
        check.find("not_readable", file=name, reason=_reason(error))
        return None


def _check_listing(check: Check, unpacked: Unpacked, described: set[str]) -> None:
    """Every table is described, and what is described is there."""
    payload = {name.removeprefix("data/") for name in unpacked.names if name.startswith("data/")}
    tables = {name for name in payload if name.endswith((".parquet", ".csv", ".csv.gz"))}
    for name in sorted(tables - described):
        check.find("not_described", file=name)
    for name in sorted((described | set(TABLES)) - payload):
        check.find("described_missing", file=name)


def _check_resource(
    check: Check, unpacked: Unpacked, path: str, resource: Mapping[str, Any], found: Description
) -> None:
    file = unpacked.data(path)
    try:
        if resource["bytes"] != file.stat().st_size:
            check.find("bytes", file=path, found=file.stat().st_size, expected=resource["bytes"])
        if resource["hash"] != f"sha256:{sha256(file)}":
            check.find("hash", file=path)
        for series in resource.get("series", ()) if path.endswith(".parquet") else ():
            if series["unit"] not in UNITS:
                check.note("unit", series=series["series_id"], unit=series["unit"])
        stated = [str(column["name"]) for column in resource["schema"]["fields"]]
        expected = [column.name for column in TABLES.get(path, OBSERVATION_COLUMNS)]
        if stated != expected:
            check.find("columns", file=path, found=", ".join(stated), expected=", ".join(expected))
        elif path in TABLES:
            found.tables[path] = _read_table(check, unpacked, path)
            _check_rows(check, path, len(found.tables[path]), resource["rows"])
        elif path.endswith(".parquet"):
            _check_parquet(check, unpacked, path, resource["rows"])
        found.rows[path] = int(resource["rows"])
    except DAMAGE as error:
        check.find("not_readable", file=path, reason=_reason(error))


def _check_rows(check: Check, path: str, found: int, stated: int) -> None:
    if found != stated:
        check.find("rows", file=path, found=found, expected=stated)


def _check_parquet(check: Check, unpacked: Unpacked, path: str, rows: int) -> None:
    with pq.ParquetFile(unpacked.data(path)) as file:
        schema = file.schema_arrow
        if schema.names != OBSERVATIONS.names:
            check.find("columns", file=path, found=", ".join(schema.names), expected=", ".join(OBSERVATIONS.names))
            return
        for expected in OBSERVATIONS:
            actual = schema.field(expected.name).type
            if actual not in (expected.type, getattr(expected.type, "value_type", None)):
                check.find("types", file=path, column=expected.name, found=str(actual), expected=str(expected.type))
        _check_rows(check, path, file.metadata.num_rows, rows)


def _read_table(check: Check, unpacked: Unpacked, path: str) -> list[dict[str, str]]:
    """Read a small table, checking each cell by the type of its column."""
    columns = TABLES[path]
    names = [column.name for column in columns]
    with unpacked.data(path).open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, strict=True)
        header = next(lines, [])
        if header != names:
            check.find("columns", file=path, found=", ".join(header), expected=", ".join(names))
            return []
        found = []
        for number, cells in enumerate(lines, start=2):
            if len(cells) != len(names):
                check.find("cell", file=path, line=number, value=",".join(cells), column=f"1-{len(names)}")
                continue
            for column, cell in _wrong(columns, cells):
                check.find("cell", file=path, line=number, value=cell, column=column)
            found.append(dict(zip(names, cells, strict=True)))
    return found


def _wrong(columns: tuple[Column, ...], cells: list[str]) -> Iterator[tuple[str, str]]:
    for column, cell in zip(columns, cells, strict=True):
        if not cell:
            if column.required:
                yield column.name, cell
            continue
        try:
            value = _READ[column.type](cell)
        except ValueError:
            yield column.name, cell
            continue
        if isinstance(value, float) and not math.isfinite(value):
            yield column.name, cell


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
