"""Verification of a package's observations: CSV against Parquet, flags, order, gross range."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from vitrine.quality import Quality, Test
from vitrine_evaluation.dataset.findings import Check
from vitrine_evaluation.dataset.layout import OBSERVATIONS, RULES, SENSORS, columns
from vitrine_evaluation.dataset.verify_files import Unpacked
from vitrine_evaluation.dataset.verify_tables import DAMAGE, Description, read_json
from vitrine_evaluation.periods import Period, Periods, Reduction

_BATCH = 65_536
#: A row group that unpacks to more than this is none of ours.
_MOST_BYTES = 1 << 30
_FLAGS = {1: "pass", 2: "not_evaluated", 3: "suspect", 4: "fail", 9: "missing"}
_CSV_TYPES = {column.name: pa.string() if column.name == "series_id" else column.type for column in OBSERVATIONS}


@dataclass(slots=True)
class Series:
    """What was read of one series."""

    reduction: Reduction
    rules: Mapping[str, Any] | None
    counts: dict[str, int] = field(default_factory=lambda: {"rows": 0} | dict.fromkeys(_FLAGS.values(), 0))
    last_us: int | None = None
    off_range: int = 0
    first_off_us: int = 0
    recomputed: int = 0


def check_values(
    check: Check, rules_check: Check, unpacked: Unpacked, description: Description
) -> dict[str, dict[Period, Periods]] | None:
    """Read every observation once; return the hours and days of each series, None where not all could be read."""
    sensors = {row["series_id"]: row for row in description.tables.get(SENSORS, [])}
    rules = read_json(check, unpacked, RULES)
    if not sensors or rules is None or description.start is None or description.end is None:
        check.skip()
        rules_check.skip()
        return None
    series = {path: _series(path, row, rules, description) for path, row in sensors.items()}
    for parquet, text in description.observations:
        if not (unpacked.has(parquet) and unpacked.has(text)):
            check.reached = False
            continue
        try:
            _check_file(check, unpacked, parquet, text, series, description)
        except DAMAGE as error:
            check.find("not_readable", file=parquet, reason=f"{type(error).__name__}: {error}")
    if check.reached and not check.findings:
        _check_counts(check, sensors, series)
    _tell_rules(rules_check, series)
    if not check.holds:
        rules_check.reached = check.reached
        return None
    check.note("rows", count=sum(one.counts["rows"] for one in series.values()), series=len(series))
    return {path: one.reduction.finish() for path, one in series.items()}


def _series(path: str, row: Mapping[str, str], rules: Mapping[str, Any], description: Description) -> Series:
    assert description.start is not None
    assert description.end is not None
    start, end = (round(time.timestamp() * 1e6) for time in (description.start, description.end))
    changed = {
        change["series_id"]
        for change in description.tables.get("instruments/changes.csv", [])
        if change["field"] == "rules" and datetime.fromisoformat(change["time_utc"]) >= description.start
    } | {override["series_id"] for override in description.tables.get("qc/overrides.csv", [])}
    thresholds = None if path in changed else rules.get("series", {}).get(path, {})
    return Series(Reduction(start, end, float(row["period_s"] or 0)), thresholds)


def _check_file(
    check: Check, unpacked: Unpacked, parquet: str, text: str, series: dict[str, Series], description: Description
) -> None:
    """Read the two files of one instrument side by side; stop at the first row that is not right."""
    line = 0
    seen: list[str] = []
    with gzip.open(unpacked.data(text)) as stream, pq.ParquetFile(unpacked.data(parquet)) as file:
        rows = _Rows(_csv_batches(stream))
        for table in _parquet_batches(file):
            other = rows.take(len(table))
            if (wrong := _first_difference(table, other)) is not None:
                check.find("differs", file=text, line=line + wrong + 1, other=parquet)
                return
            if not _check_batch(check, parquet, table, line, seen, series, description):
                return
            line += len(table)
        if rows.more():
            check.find("differs", file=text, line=line + 1, other=parquet)


def _parquet_batches(file: pq.ParquetFile) -> Iterator[pa.Table]:
    for number in range(file.metadata.num_row_groups):
        if file.metadata.row_group(number).total_byte_size > _MOST_BYTES:
            raise ValueError("a row group is too great")
    for batch in file.iter_batches(batch_size=_BATCH):
        table = pa.Table.from_batches([batch])
        yield table.set_column(1, "series_id", table.column("series_id").cast(pa.string()))


def _csv_batches(stream: gzip.GzipFile) -> Iterator[pa.Table]:
    reader = csv.open_csv(
        stream,
        csv.ReadOptions(block_size=1 << 20),
        convert_options=csv.ConvertOptions(
            column_types=_CSV_TYPES, null_values=[""], include_columns=list(_CSV_TYPES), strings_can_be_null=False
        ),
    )
    for batch in reader:
        yield pa.Table.from_batches([batch])


class _Rows:
    """Rows that come in batches, taken by number."""

    def __init__(self, batches: Iterator[pa.Table]) -> None:
        self._batches = batches
        self._held: list[pa.Table] = []
        self._count = 0

    def take(self, count: int) -> pa.Table | None:
        """Return the next rows, fewer where there are no more; None where there is none."""
        while self._count < count and self._fetch():
            pass
        if not self._held:
            return None
        joined = pa.concat_tables(self._held)
        self._held, self._count = [joined.slice(count)], max(0, self._count - count)
        return joined.slice(0, count)

    def more(self) -> bool:
        """Tell whether any row is left."""
        while not self._count and self._fetch():
            pass
        return self._count > 0

    def _fetch(self) -> bool:
        batch = next(self._batches, None)
        if batch is None:
            return False
        self._held.append(batch)
        self._count += len(batch)
        return True


def _first_difference(table: pa.Table, other: pa.Table | None) -> int | None:
    """Return the first row that is not the same in both, values compared bit by bit."""
    if other is None:
        return 0
    common = min(len(table), len(other))
    equal = np.ones(common, dtype=bool)
    for name in table.column_names:
        a, b = (one.column(name).slice(0, common) for one in (table, other))
        if name == "value":
            left, right = (side.to_numpy().astype(np.float64).view(np.int64) for side in (a, b))
            nulls = np.isnan(a.to_numpy()) & np.isnan(b.to_numpy())
            equal &= (left == right) | nulls
        else:
            equal &= np.asarray(a.to_numpy(zero_copy_only=False) == b.to_numpy(zero_copy_only=False))
    wrong = np.flatnonzero(~equal)
    if len(wrong):
        return int(wrong[0])
    return common if common < len(table) else None


def _check_batch(
    check: Check,
    file: str,
    table: pa.Table,
    line: int,
    seen: list[str],
    series: dict[str, Series],
    description: Description,
) -> bool:
    time_us, value, flags, tests = columns(table)
    illegal = np.flatnonzero(~np.isin(flags, list(_FLAGS)))
    if len(illegal):
        check.find("flag", file=file, flag=int(flags[illegal[0]]), line=line + int(illegal[0]) + 1)
        return False
    wrong = np.flatnonzero(np.isnan(value) != (flags == Quality.MISSING))
    if len(wrong):
        check.find("null_flag", file=file, line=line + int(wrong[0]) + 1)
        return False
    paths = table.column("series_id").to_numpy()
    starts = [0, *(np.flatnonzero(paths[1:] != paths[:-1]) + 1), len(paths)]
    for begin, end in pairwise(starts):
        part = slice(begin, end)
        path = str(paths[begin])
        if path not in series:
            check.find("series", file=file, series=path)
            return False
        one = series[path]
        rising = bool(np.all(np.diff(time_us[part]) > 0)) and (one.last_us is None or time_us[begin] > one.last_us)
        if not rising or (seen and path < seen[-1]):
            check.find("order", file=file, line=line + begin + 1)
            return False
        if path not in seen:
            seen.append(path)
        if not _inside(description, int(time_us[begin]), int(time_us[end - 1])):
            check.find("period", file=file, series=path)
            return False
        _take(one, time_us[part], value[part], flags[part], tests[part])
    return True


def _inside(description: Description, first_us: int, last_us: int) -> bool:
    assert description.start is not None
    assert description.end is not None
    return description.start.timestamp() * 1e6 <= first_us and last_us < description.end.timestamp() * 1e6


def _take(one: Series, time_us: Any, value: Any, flags: Any, tests: Any) -> None:  # noqa: ANN401
    one.last_us = int(time_us[-1])
    one.counts["rows"] += len(time_us)
    for flag, word in _FLAGS.items():
        one.counts[word] += int(np.count_nonzero(flags == flag))
    one.reduction.feed(time_us, value, flags)
    if one.rules is None:
        return
    fail, suspect = (_outside(value, one.rules.get(f"gross_range_{level}")) for level in ("fail", "suspect"))
    marked = (tests & Test.GROSS_RANGE) != 0
    wrong = (marked != (fail | suspect)) | (fail & (flags != Quality.FAIL)) | (suspect & (flags < Quality.SUSPECT))
    present = ~np.isnan(value)
    one.recomputed += int(np.count_nonzero(present))
    off = np.flatnonzero(wrong & present)
    if len(off) and not one.off_range:
        one.first_off_us = int(time_us[off[0]])
    one.off_range += len(off)


def _outside(value: Any, limits: Any) -> Any:  # noqa: ANN401
    if limits is None:
        return np.zeros(len(value), dtype=bool)
    low, high = limits
    return (value < low) | (value > high)


def _check_counts(check: Check, sensors: Mapping[str, Mapping[str, str]], series: Mapping[str, Series]) -> None:
    for path, row in sensors.items():
        for column, count in series[path].counts.items():
            if row[column] != str(count):
                check.find("count", series=path, column=column, expected=row[column], found=count)


def _tell_rules(check: Check, series: Mapping[str, Series]) -> None:
    for path, one in series.items():
        if one.rules is None:
            check.note("rules_skipped", series=path)
        elif one.off_range:
            time = datetime.fromtimestamp(one.first_off_us / 1e6, tz=UTC).isoformat()
            check.find("range_flag", series=path, count=one.off_range, time=time)
    done = [one for one in series.values() if one.rules is not None]
    check.note("rules", count=sum(one.recomputed for one in done), series=len(done))
