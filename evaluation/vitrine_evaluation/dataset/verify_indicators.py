"""Verification of a package's indicators: computed again from the raw values, and compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from vitrine_evaluation.dataset.findings import Check
from vitrine_evaluation.dataset.layout import DEFINITIONS, SENSORS, VALUES
from vitrine_evaluation.dataset.verify_files import Unpacked
from vitrine_evaluation.dataset.verify_tables import DAMAGE, Description, read_json
from vitrine_evaluation.declarations import indicator_of
from vitrine_evaluation.evaluate import Values, compute
from vitrine_evaluation.formula import Formula, examine
from vitrine_evaluation.periods import PERIODS, Period, Periods

#: Relative difference that another processor or version of a library may bring; here values are expected to be equal.
TOLERANCE = 1e-9

Statistics = Mapping[str, Mapping[Period, Periods]]


class _Tally:
    def __init__(self) -> None:
        self.equal = self.close = 0


def check_indicators(check: Check, unpacked: Unpacked, description: Description, series: Statistics) -> None:
    """Compute every indicator again and compare each value and each coverage with what the package states."""
    document = read_json(check, unpacked, DEFINITIONS)
    if document is None or any(path not in description.tables for path in VALUES.values()):
        check.skip()
        return
    tally = _Tally()
    known: set[tuple[str, str]] = set()
    try:
        for definition in document["indicators"]:
            known.add((definition["key"], str(definition["version"])))
            _check_one(check, definition, description, series, tally)
    except DAMAGE as error:
        check.find("not_readable", file=DEFINITIONS, reason=f"{type(error).__name__}: {error}")
    for path in VALUES.values():
        for row in description.tables[path]:
            if (row["indicator"], row["version"]) not in known:
                check.find("definition", indicator=row["indicator"], reason=f"{path} → {DEFINITIONS}")
                return
    if tally.close:
        check.note("indicators_close", count=tally.equal, close=tally.close, tolerance=TOLERANCE)
    else:
        check.note("indicators", count=tally.equal)


def _check_one(
    check: Check, definition: Mapping[str, Any], description: Description, series: Statistics, tally: _Tally
) -> None:
    key = str(definition["key"])
    if definition["problems"]:
        check.note("indicator_skipped", indicator=key)
        return
    units: dict[str, str | None] = {row["series_id"]: row["unit"] for row in description.tables[SENSORS]}
    formula, problems = examine(indicator_of(definition), units)
    if formula is None:
        check.find("definition", indicator=key, reason="; ".join(map(str, problems)))
        return
    for period in PERIODS:
        stated = [row for row in description.tables[VALUES[period]] if row["indicator"] == key]
        _compare(check, key, stated, _computed(formula, series, period), tally)


def _computed(formula: Formula, series: Statistics, period: Period) -> Values:
    return compute(formula, {name: series[path][period] for name, path in formula.indicator.inputs.items()})


def _compare(check: Check, key: str, stated: list[dict[str, str]], values: Values, tally: _Tally) -> None:
    names = {"indicator": key, "period": values.period}
    if len(stated) != len(values.value):
        check.find("indicator_rows", **names, found=len(values.value), expected=len(stated))
        return
    for row, (bucket, value, coverage) in zip(stated, _rows(values), strict=True):
        time = datetime.fromisoformat(row["bucket_utc"])
        said = float(row["value"]) if row["value"] else math.nan
        if time != bucket or not _agree(said, value):
            words = {"stated": row["value"] or "—", "found": "—" if math.isnan(value) else repr(value)}
            check.find("indicator", **names, bucket=row["bucket_utc"], **words)
        elif not _agree(float(row["coverage"]), coverage):
            check.find("coverage", **names, bucket=row["bucket_utc"], stated=row["coverage"], found=coverage)
        elif said == value or math.isnan(value):
            tally.equal += 1
        else:
            tally.close += 1


def _rows(values: Values) -> Iterator[tuple[datetime, float, float]]:
    for bucket, value, coverage in zip(values.bucket, values.value, values.coverage, strict=True):
        yield datetime.fromtimestamp(int(bucket) * 60, tz=UTC), float(value), float(coverage)


def _agree(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.0)
