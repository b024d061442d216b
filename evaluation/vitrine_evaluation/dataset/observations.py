"""Raw values of a package: one Parquet and one CSV file an instrument, streamed.

One file an instrument, not one in all: a reader opens the instrument that matters and nothing else, no file grows past
what a spreadsheet tool can take, and damage is named by instrument. Rows are ordered by series, then by time, which
is the order of the database's index, so nothing is sorted, and like values lie together, so they compress well.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from vitrine.quality import Quality
from vitrine_evaluation.dataset.layout import OBSERVATION_COLUMNS, OBSERVATIONS, ROW_GROUP, columns, observation_paths
from vitrine_evaluation.dataset.request import SQL, Row
from vitrine_evaluation.periods import Period, Periods, Reduction

_BARE = re.compile(r"[^\s,\"]+")


@dataclass(slots=True)
class Series:
    """What is known of one channel once its values are written."""

    rows: int = 0
    #: Number of values of each flag.
    flags: dict[int, int] = field(default_factory=lambda: {int(flag): 0 for flag in Quality})
    #: Number of values that did not pass each test, by its bit.
    tests: dict[int, int] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None
    #: Hours and days, for the indicators.
    periods: dict[Period, Periods] = field(default_factory=dict)

    def count(self, time_us: np.ndarray, flags: np.ndarray, tests: np.ndarray) -> None:
        """Take a piece of the channel's values into account."""
        self.rows += len(time_us)
        self.first_us = int(time_us[0]) if self.first_us is None else self.first_us
        self.last_us = int(time_us[-1])
        for flag in self.flags:
            self.flags[flag] += int(np.count_nonzero(flags == flag))
        for bit in range(15):
            number = int(np.count_nonzero(tests & (1 << bit)))
            if number:
                self.tests[1 << bit] = self.tests.get(1 << bit, 0) + number


class Source:
    """Reads raw values as Arrow batches, in the moment that another connection has fixed."""

    def __init__(self, url: str, snapshot: str, first: datetime, last: datetime) -> None:
        self._connection = adbc.connect(url, autocommit=False)
        #: The period, in microseconds since 1970.
        self.first_us, self.last_us = (round(time.timestamp() * 1e6) for time in (first, last))
        self._span = {"first": f"'{first.isoformat()}'", "last": f"'{last.isoformat()}'"}
        with self._connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")

    def batches(self, channel_id: int) -> Iterator[pa.RecordBatch]:
        """Yield the values of one channel, rising in time."""
        # The driver copies only statements without parameters; these are numbers and times of our own making.
        statement = SQL["observations"] % {"channel": int(channel_id), **self._span}
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            yield from cursor.fetch_record_batch()

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()


class _Files:
    """The two files of one instrument."""

    def __init__(self, folder: Path, device: str, stack: ExitStack) -> None:
        parquet, text = (folder / name for name in observation_paths(device))
        parquet.parent.mkdir(parents=True, exist_ok=True)
        others = [name for name in OBSERVATIONS.names if name != "time_utc"]
        self._parquet = stack.enter_context(
            pq.ParquetWriter(
                parquet,
                OBSERVATIONS,
                compression="zstd",
                use_dictionary=others,
                column_encoding={"time_utc": "DELTA_BINARY_PACKED"},
            )
        )
        # Neither name nor time in the header, so that the same values give the same bytes.
        raw = stack.enter_context(text.open("wb"))
        self._text = stack.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0))
        self._text.write((",".join(column.name for column in OBSERVATION_COLUMNS) + "\n").encode())
        self._held: list[pa.Table] = []
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        self._held.append(table)
        self._rows += len(table)
        while self._rows >= ROW_GROUP:
            self._flush(ROW_GROUP)

    def finish(self) -> None:
        if self._rows:
            self._flush(self._rows)

    def _flush(self, rows: int) -> None:
        """Write one row group; its size depends on nothing but the number of values."""
        joined = pa.concat_tables(self._held)
        part, rest = joined.slice(0, rows).unify_dictionaries().combine_chunks(), joined.slice(rows)
        self._held, self._rows = ([rest] if len(rest) else []), len(rest)
        self._parquet.write_table(part, row_group_size=rows)
        write_csv(part, self._text)


def write_device(
    source: Source, folder: Path, device: str, channels: list[Row], progress: Callable[[float], None]
) -> dict[str, Series]:
    """Write the values of one instrument's channels and return what they hold; `progress` is told the share done."""
    found: dict[str, Series] = {}
    with ExitStack() as stack:
        files = _Files(folder, device, stack)
        for position, channel in enumerate(sorted(channels, key=lambda row: str(row["path"]))):

            def tell(share: float, done: int = position) -> None:
                progress((done + share) / len(channels))

            found[channel["path"]] = _write_series(source, files, channel, tell)
        files.finish()
    return found


def _write_series(source: Source, files: _Files, channel: Row, progress: Callable[[float], None]) -> Series:
    first, last = source.first_us, source.last_us
    series, reduction = Series(), Reduction(first, last, channel["period_s"] or 0.0)
    for batch in source.batches(channel["channel_id"]):
        if not len(batch):
            continue
        table = _table(batch, channel["path"])
        time_us, value, flags, tests = columns(table)
        series.count(time_us, flags, tests)
        reduction.feed(time_us, value, flags)
        files.write(table)
        progress((int(time_us[-1]) - first) / (last - first))
    series.periods = reduction.finish()
    return series


def _table(batch: pa.RecordBatch, path: str) -> pa.Table:
    rows = len(batch)
    series = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([path]))
    return pa.Table.from_arrays(
        [
            batch.column("time").cast(OBSERVATIONS.field("time_utc").type),
            series,
            batch.column("value"),
            batch.column("quality"),
            batch.column("tests").cast(pa.int32()),
        ],
        schema=OBSERVATIONS,
    )


def write_csv(table: pa.Table, target: BinaryIO | gzip.GzipFile) -> None:
    """Write observations as CSV without a header; each number as the shortest text that reads back the same."""
    text = pc.utf8_replace_slice(table.column("time_utc").cast(pa.string()), start=10, stop=11, replacement="T")
    series = table.column("series_id").cast(pa.string())
    plain = table.set_column(0, "time_utc", text).set_column(1, "series_id", series)
    buffer = BytesIO()
    # Names given by other edge nodes may hold anything; ours need no quotes, and pyarrow's "needed" quotes every text.
    bare = all(_BARE.fullmatch(str(name)) for name in pc.unique(series).to_pylist())
    csv.write_csv(plain, buffer, csv.WriteOptions(include_header=False, quoting_style="none" if bare else "needed"))
    target.write(buffer.getvalue())
