"""What a package states in short: for its documents, and for the portal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from vitrine.quality import names
from vitrine.units import UNITS
from vitrine_evaluation.dataset.contents import Contents
from vitrine_evaluation.dataset.observations import Series
from vitrine_evaluation.evaluate import Values
from vitrine_evaluation.periods import Period

FLAGS = {1: "pass", 2: "not_evaluated", 3: "suspect", 4: "fail", 9: "missing"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What the observations and the indicators turned out to hold."""

    series: Mapping[str, Series]
    #: Values by (key of the indicator, period); none for an indicator that has mistakes.
    values: Mapping[tuple[str, Period], Values]

    @property
    def rows(self) -> int:
        """Return the number of values."""
        return sum(series.rows for series in self.series.values())


def moment(time_us: int | None) -> datetime | None:
    """Return microseconds since 1970 as a time."""
    return None if time_us is None else datetime.fromtimestamp(time_us / 1e6, tz=UTC)


def summarize(contents: Contents, measured: Measured) -> dict[str, Any]:
    """Return what the portal shows of a dataset, as JSON."""
    flags = {word: sum(series.flags[flag] for series in measured.series.values()) for flag, word in FLAGS.items()}
    return {
        "rows": measured.rows,
        "quality": flags,
        "channels": [_channel(row, measured.series[row["path"]]) for row in contents.channels],
        "indicators": [_indicator(definition, measured) for definition in contents.definitions],
        "lost_records": sum(_size(row["records"]) for row in contents.losses),
        "overrides": len(contents.overrides),
    }


def _channel(row: Mapping[str, Any], series: Series) -> dict[str, Any]:
    return {
        "path": row["path"],
        "name": row["name"],
        "unit": row["unit"],
        "rows": series.rows,
        "quality": {word: series.flags[flag] for flag, word in FLAGS.items()},
        "tests": {names(bit)[0] if names(bit) else str(bit): number for bit, number in sorted(series.tests.items())},
        "first": _text(series.first_us),
        "last": _text(series.last_us),
    }


def _indicator(definition: Any, measured: Measured) -> dict[str, Any]:  # noqa: ANN401
    indicator = definition.indicator
    unit = UNITS.get(indicator.unit)
    return {
        "key": indicator.key,
        "version": indicator.version,
        "name": {"fr": indicator.name.fr, "en": indicator.name.en},
        "unit": indicator.unit,
        "unit_label": {"fr": unit.fr, "en": unit.en} if unit else {"fr": indicator.unit, "en": indicator.unit},
        "decimals": indicator.decimals,
        "problems": [str(problem) for problem in definition.problems],
        **{
            period: stated(measured.values[indicator.key, period])
            for period in ("hour", "day")
            if (indicator.key, period) in measured.values
        },
    }


def stated(values: Values) -> dict[str, Any]:
    """Return how many periods have a value, and which values they have."""
    known = values.value[~np.isnan(values.value)]
    return {
        "periods": len(values.value),
        "with_value": len(known),
        "coverage": float(values.coverage.mean()) if len(values.coverage) else 0.0,
        "median": float(np.median(known)) if len(known) else None,
        "minimum": float(known.min()) if len(known) else None,
        "maximum": float(known.max()) if len(known) else None,
    }


def _size(records: Any) -> int:  # noqa: ANN401
    return sum(part.upper - part.lower for part in records)


def _text(time_us: int | None) -> str | None:
    time = moment(time_us)
    return None if time is None else time.isoformat()
