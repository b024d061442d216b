"""Values of indicators: one pure function, the same for the database and for a package that is verified offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitrine_evaluation.formula import Formula
from vitrine_evaluation.minutes import Floats, Integers, Minutes
from vitrine_evaluation.periods import LEAST_COVERAGE, Period, Periods, summarize

#: Values are stated with so many significant digits: the last ones of a double depend on the order of additions.
DIGITS = 12


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one indicator over periods that follow one another."""

    period: Period
    #: Start of each period, in minutes since 1970.
    bucket: Integers
    #: NaN where coverage is too low or the formula is not defined, for example a division by zero.
    value: Floats
    #: Share of minutes with usable values, of the poorest input.
    coverage: Floats


def evaluate(
    formula: Formula,
    minutes: Mapping[str, Minutes],
    period: Period,
    first: int,
    count: int,
    every_s: Mapping[str, float] | None = None,
) -> Values:
    """Compute an indicator over `count` hours or days (UTC) from the one that starts at the minute `first`.

    An integral is the mean of the usable minutes × the length of the period, so the minutes that are missing count as
    the mean of the others; an increase is the last value at or before the end − the last at or before the start. An
    hour with fewer than 75 % of usable minutes and a day with fewer than 90 % have no value; their coverage is stated.
    """
    promised = every_s or {}
    inputs = {
        name: summarize(series, period, first, count, promised.get(name, 0.0)) for name, series in minutes.items()
    }
    return compute(formula, inputs)


def compute(formula: Formula, inputs: Mapping[str, Periods]) -> Values:
    """Compute an indicator from the statistics of its inputs over the same periods."""
    some = next(iter(inputs.values()))
    coverage = np.minimum.reduce([statistics.coverage for statistics in inputs.values()])
    value = np.where(coverage >= LEAST_COVERAGE[some.period], formula(inputs), np.nan)
    return Values(some.period, some.bucket, rounded(value), coverage)


def rounded(values: Floats) -> Floats:
    """Round to the significant digits that are stated."""
    return np.array([float(f"{value:.{DIGITS}g}") for value in values], dtype=np.float64)
