"""The tables of a package: instruments, flags changed, indicators, delivery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vitrine.quality import Quality, Test
from vitrine.ranges import Ranges
from vitrine_evaluation.dataset.contents import Contents, ranges
from vitrine_evaluation.dataset.layout import DEFINITIONS, RULES, SENSORS, VALUES
from vitrine_evaluation.dataset.summary import FLAGS, Measured, moment
from vitrine_evaluation.dataset.tables import write_json, write_table
from vitrine_evaluation.evaluate import DIGITS
from vitrine_evaluation.periods import LEAST_COVERAGE, PERIODS


def write(folder: Path, contents: Contents, measured: Measured) -> None:
    """Write every table and JSON document but the descriptors of the package itself."""
    write_table(folder, SENSORS, _sensors(contents, measured))
    write_table(folder, "instruments/calibrations.csv", _calibrations(contents))
    write_table(
        folder, "instruments/changes.csv", _picked(contents.changes, "path time field before after file_sha256")
    )
    write_table(
        folder,
        "qc/overrides.csv",
        _picked(
            contents.overrides,
            "path time quality_before quality_after tests_before tests_after reason changed_by changed_at",
        ),
    )
    write_json(folder, RULES, _rules(contents))
    write_json(folder, DEFINITIONS, _definitions(contents))
    for period in PERIODS:
        write_table(folder, VALUES[period], _values(contents, measured, period))
    write_table(folder, "evidence/delivery.csv", _delivery(contents))
    write_table(folder, "evidence/losses.csv", _losses(contents))
    write_table(folder, "evidence/time_sources.csv", _time_sources(contents))


def _sensors(contents: Contents, measured: Measured) -> Iterator[list[Any]]:
    for row in sorted(contents.channels, key=lambda row: str(row["path"])):
        series = measured.series[row["path"]]
        yield [
            row["path"], row["device"], row["key"], row["node"], row["profile"],
            row["name"].get("fr", ""), row["name"].get("en", ""), row["quantity"], row["unit"], row["decimals"],
            row["period_s"], row["accuracy"], series.rows, *(series.flags[flag] for flag in FLAGS),
            moment(series.first_us), moment(series.last_us),
        ]  # fmt: skip


def _calibrations(contents: Contents) -> Iterator[list[Any]]:
    for row in contents.channels:
        if calibration := row["calibration"]:
            yield [row["path"], calibration["date"], calibration.get("due"), calibration.get("certificate")]


def _rules(contents: Contents) -> dict[str, Any]:
    return {
        "flags": {str(int(flag)): flag.name.lower() for flag in Quality},
        "bits": {str(test.value): (test.name or "").lower() for test in Test},
        "usable": [1, 2],
        "series": {row["path"]: row["rules"] for row in sorted(contents.channels, key=lambda row: str(row["path"]))},
        "note": "Thresholds in the series' unit, as in force when the package was built; see instruments/changes.csv.",
    }


def _definitions(contents: Contents) -> dict[str, Any]:
    channels = {row["path"]: row for row in contents.channels}
    found = []
    for definition in contents.definitions:
        indicator = definition.indicator
        inputs = {
            name: {"unit": channels[path]["unit"], "period_s": channels[path]["period_s"] or 0.0}
            for name, path in indicator.inputs.items()
            if path in channels
        }
        found.append(
            {
                "key": indicator.key,
                "version": indicator.version,
                "name": {"fr": indicator.name.fr, "en": indicator.name.en},
                "description": {"fr": indicator.description.fr, "en": indicator.description.en},
                "formula": indicator.formula,
                "unit": indicator.unit,
                "decimals": indicator.decimals,
                "inputs": indicator.inputs,
                "input_details": inputs,
                "parameters": {name: list(pair) for name, pair in indicator.parameters.items()},
                "reference": indicator.reference,
                "problems": [str(problem) for problem in definition.problems],
            }
        )
    return {
        "least_coverage": LEAST_COVERAGE,
        "significant_digits": DIGITS,
        "periods": "UTC hours and days that lie wholly within the package",
        "indicators": found,
    }


def _values(contents: Contents, measured: Measured, period: Any) -> Iterator[list[Any]]:  # noqa: ANN401
    for definition in contents.definitions:
        indicator = definition.indicator
        values = measured.values.get((indicator.key, period))
        if values is None:
            continue
        for bucket, value, coverage in zip(values.bucket, values.value, values.coverage, strict=True):
            yield [
                moment(int(bucket) * 60_000_000),
                indicator.key,
                indicator.version,
                None if np.isnan(value) else float(value),
                indicator.unit,
                float(coverage),
            ]


def _delivery(contents: Contents) -> Iterator[list[Any]]:
    for row in contents.delivery:
        held, lost = ranges(row["held"]), ranges(row["lost"])
        highest = max((last for _, last in held), default=0)
        hole = Ranges([(1, highest)]) if highest else Ranges()
        for first, last in [*held, *lost]:
            hole.remove(first, last)
        yield [row["node"], row["epoch"], held, lost, hole, row["repeated"], row["first_at"], row["last_at"]]


def _losses(contents: Contents) -> Iterator[list[Any]]:
    for row in contents.losses:
        yield [
            row["node"], row["epoch"], ranges(row["records"]), row["first_time"], row["last_time"], row["reason"],
            row["reported_at"],
        ]  # fmt: skip


def _time_sources(contents: Contents) -> Iterator[list[Any]]:
    for row in contents.time_sources:
        yield [row["node"], row["epoch"], row["source"], ranges(row["records"])]


def _picked(rows: list[dict[str, Any]], names: str) -> Iterator[list[Any]]:
    for row in rows:
        yield [row[name] for name in names.split()]
