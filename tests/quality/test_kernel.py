"""Tables of values beside the flags they get; and ioos_qc says the same where it is sound."""

import warnings

import numpy as np
import pytest

from vitrine_quality import kernel

NAN = float("nan")
INF = float("inf")
SECOND = 1_000_000


def times(*seconds):
    return np.array([round(second * SECOND) for second in seconds], dtype=np.int64)


def every(step, values):
    return times(*(index * step for index in range(len(values))))


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ([0, 1, 2, 9, 10], [3, 1, 1, 1, 3]),
        ([-0.001, 10.001, -INF, INF], [4, 4, 4, 4]),
        ([NAN, 5, NAN], [9, 1, 9]),
        ([NAN], [9]),
        ([], []),
    ],
)
def test_gross_range(values, flags):
    assert kernel.gross_range(np.array(values, dtype=float), suspect=(1, 9), fail=(0, 10)).tolist() == flags


def test_gross_range_without_ranges_passes_all_but_infinity():
    assert kernel.gross_range(np.array([1e300, INF, NAN]), suspect=None, fail=None).tolist() == [1, 4, 9]


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ([1, 1, 1, 1], [2, 1, 1, 2]),
        ([1, 3.5, 1, 1], [2, 3, 1, 2]),
        ([1, 9, 1, 1], [2, 4, 3, 2]),
        ([1, 3, 1], [2, 1, 2]),  # the limit itself is allowed
        ([1, 9, NAN, 9, 1], [2, 2, 9, 2, 2]),
        ([1, 9], [2, 2]),
        ([1], [2]),
        ([], []),
    ],
)
def test_spike(values, flags):
    assert kernel.spike(np.array(values, dtype=float), suspect=2, fail=5).tolist() == flags


@pytest.mark.parametrize(
    ("at", "values", "flags"),
    [
        ([0, 1, 2], [0, 1, 2], [2, 1, 1]),
        ([0, 1, 2], [0, 1.5, 10], [2, 3, 4]),
        ([0, 10, 20], [0, 15, 20], [2, 3, 1]),
        ([0, 1, 2, 3], [0, NAN, 50, 51], [2, 9, 2, 1]),
        ([0, 0, 1], [0, 99, 99], [2, 2, 1]),  # the same time twice
        ([0], [0], [2]),
        ([], [], []),
    ],
)
def test_rate_of_change(at, values, flags):
    found = kernel.rate_of_change(times(*at), np.array(values, dtype=float), suspect=1, fail=5)
    assert found.tolist() == flags


@pytest.mark.parametrize(
    ("at", "values", "flags"),
    [
        # suspect after 3 s, fail after 5 s
        ([0, 1, 2, 3, 4, 5, 6], [7] * 7, [2, 2, 2, 3, 3, 4, 4]),
        ([0, 1, 2, 3, 4, 5, 6], [7, 7, 7, 8, 8, 8, 8], [2, 2, 2, 1, 1, 1, 3]),
        # irregular times: the window is one of time, not of values
        ([0, 0.1, 0.2, 0.3, 3.0, 3.2], [7] * 6, [2, 2, 2, 2, 3, 3]),
        # missing values are passed over
        ([0, 1, 2, 3, 4], [7, NAN, NAN, 7, 7], [2, 9, 9, 3, 3]),
        # a silence longer than 3 s begins anew
        ([0, 1, 2, 10, 11, 12, 13], [7] * 7, [2, 2, 2, 2, 2, 2, 3]),
        ([0, 1, 2, 3], [7, INF, 7, 7], [2, 2, 2, 3]),
        ([0], [7], [2]),
        ([0, 1], [NAN, NAN], [9, 9]),
        ([], [], []),
    ],
)
@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_flat_line(at, values, flags, tolerance):
    found = kernel.flat_line(
        times(*at),
        np.array(values, dtype=float),
        suspect_us=3 * SECOND,
        fail_us=5 * SECOND,
        tolerance=tolerance,
    )
    assert found.tolist() == flags


def test_flat_line_tolerates_noise_as_wide_as_the_tolerance():
    values = np.array([7.0, 7.25, 7.5, 7.0, 7.25, 7.75, 7.5])
    limits = {"suspect_us": 3 * SECOND, "fail_us": None}
    assert kernel.flat_line(every(1, values), values, tolerance=0.5, **limits).tolist() == [2, 2, 2, 3, 3, 1, 1]
    assert kernel.flat_line(every(1, values), values, tolerance=0.75, **limits).tolist() == [2, 2, 2, 3, 3, 3, 3]


def test_no_test_without_its_limits():
    values = np.array([1.0, 100.0, 1.0])
    assert kernel.spike(values, suspect=None, fail=None).tolist() == [2, 1, 2]
    assert kernel.flat_line(every(1, values), values, suspect_us=None, fail_us=None).tolist() == [2, 2, 2]


@pytest.fixture(scope="module")
def qartod():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("ioos_qc.qartod")


@pytest.fixture(scope="module")
def series():
    """A noisy signal with spikes, steps, plateaus and missing values, every 10 s."""
    random = np.random.default_rng(20261123)
    values = np.cumsum(random.normal(0, 0.2, 20_000)) + random.normal(0, 0.05, 20_000)
    values[random.integers(0, 20_000, 200)] += random.choice([-8, 8], 200)
    for start in random.integers(0, 19_800, 40):
        values[start : start + 120] = values[start]
    return every(10, values), values


def with_missing(values):
    values = values.copy()
    values[np.random.default_rng(1).integers(0, len(values), 300)] = NAN
    return values


def test_gross_range_as_ioos_qc(qartod, series):
    values = with_missing(series[1])
    theirs = qartod.gross_range_test(inp=values, fail_span=(-20, 20), suspect_span=(-10, 10))
    assert np.array_equal(theirs, kernel.gross_range(values, suspect=(-10, 10), fail=(-20, 20)))


def test_spike_as_ioos_qc(qartod, series):
    _, values = series
    theirs = qartod.spike_test(inp=values, suspect_threshold=1.0, fail_threshold=3.0)
    assert np.array_equal(theirs, kernel.spike(values, suspect=1.0, fail=3.0))


def test_rate_of_change_as_ioos_qc_but_for_what_it_cannot_know(qartod, series):
    at, values = series
    ours = kernel.rate_of_change(at, values, suspect=0.05, fail=None)
    theirs = qartod.rate_of_change_test(inp=values, tinp=at / SECOND, threshold=0.05)
    assert np.array_equal(theirs[1:], ours[1:])
    assert (theirs[0], ours[0]) == (1, 2)  # the first value has no change


def test_flat_line_as_ioos_qc_on_a_regular_series(qartod, series):
    at, values = series
    ours = kernel.flat_line(at, values, suspect_us=300 * SECOND, fail_us=900 * SECOND, tolerance=0.01)
    theirs = qartod.flat_line_test(
        inp=values, tinp=at / SECOND, suspect_threshold=300, fail_threshold=900, tolerance=0.01
    )
    assert np.array_equal(np.asarray(theirs) > 1, np.isin(ours, (3, 4)))
    assert np.array_equal(np.asarray(theirs) == 4, ours == 4)
