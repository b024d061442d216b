"""Four quality tests on ten million points, on one core; and on fewer beside ioos_qc, which asks the same of them.

Processor time, so that what else the machine does counts little.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
from ioos_qc import qartod
from numpy.typing import NDArray

from benchmarks.report import Result
from vitrine.installation import QualityRules
from vitrine_quality import evaluate

POINTS, FEW = 10_000_000, 1_000_000
Floats = NDArray[np.float64]


def run() -> list[Result]:
    """Measure with a flat line that allows no difference at all, and with one that allows some."""
    times, values = _series(POINTS)
    results = []
    for tolerance in (0.0, 0.05):
        seconds = _processor_s(lambda tolerance=tolerance: _ours(times, values, tolerance))
        name = f"four tests on {POINTS:,} points, flat line within {tolerance:g}"
        results.append(Result(name, seconds, "s of one core", "3 s", seconds / 3))
    times, values = _series(FEW)
    ours = _processor_s(lambda: _ours(times, values, 0.05))
    theirs = _processor_s(lambda: _ioos(times, values, 0.05))
    results.append(Result(f"four tests on {FEW:,} points", ours, "s of one core", "ioos_qc", ours / theirs))
    return results


def _series(count: int) -> tuple[Floats, Floats]:
    """Return seconds and a random walk as an instrument shows it, with two decimals."""
    walk = np.cumsum(np.random.default_rng(1).normal(0, 0.01, count))
    return 1.75e9 + np.arange(count, dtype=np.float64), np.round(20 + walk, 2)


def _ours(times: Floats, values: Floats, tolerance: float) -> object:
    rules = QualityRules(
        gross_range_fail=(-1000, 1000),
        gross_range_suspect=(-900, 900),
        spike_suspect=0.5,
        spike_fail=1.0,
        rate_of_change_suspect=0.5,
        rate_of_change_fail=1.0,
        flat_line_suspect_s=60.0,
        flat_line_fail_s=600.0,
        flat_line_tolerance=tolerance,
    )
    return evaluate(times, values, np.zeros(len(values), np.int16), rules)


def _ioos(times: Floats, values: Floats, tolerance: float) -> object:
    stamps = (times * 1e9).astype("datetime64[ns]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            qartod.gross_range_test(values, fail_span=(-1000, 1000), suspect_span=(-900, 900)),
            qartod.spike_test(values, suspect_threshold=0.5, fail_threshold=1.0),
            qartod.rate_of_change_test(values, stamps, threshold=0.5),
            qartod.flat_line_test(values, stamps, suspect_threshold=60, fail_threshold=600, tolerance=tolerance),
        )


def _processor_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
