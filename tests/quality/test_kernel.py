"""Tables of values beside the flags they get; and ioos_qc says the same where it is sound."""

import warnings

import numpy as np
import pytest

from vitrine_quality import kernel

NAN = float("nan")


def array(*values):
    return np.array(values, dtype=float)


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ([0, 1, 2, 9, 10], [3, 1, 1, 1, 3]),
        ([-0.001, 10.001], [4, 4]),
        ([NAN, 5, NAN], [9, 1, 9]),
        ([NAN], [9]),
        ([], []),
    ],
)
def test_gross_range(values, flags):
    assert kernel.gross_range(array(*values), (0, 10), (1, 9)).tolist() == flags


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
    assert kernel.spike(array(*values), 2, 5).tolist() == flags


@pytest.mark.parametrize(
    ("at", "values", "flags"),
    [
        ([0, 1, 2], [0, 1, 2], [2, 1, 1]),
        ([0, 1, 2], [0, 1.5, 10], [2, 3, 4]),
        ([0, 10, 20], [0, 15, 20], [2, 3, 1]),
        ([0, 1, 2, 3], [0, NAN, 50, 51], [2, 9, 2, 1]),
        ([0], [0], [2]),
        ([], [], []),
    ],
)
def test_rate_of_change(at, values, flags):
    assert kernel.rate_of_change(array(*at), array(*values), 1, 5).tolist() == flags


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
@pytest.mark.parametrize(
    ("at", "values", "flags"),
    [
        # suspect after 3 s, fail after 5 s
        ([0, 1, 2, 3, 4, 5, 6], [7] * 7, [1, 1, 1, 3, 3, 4, 4]),
        ([0, 1, 2, 3, 4, 5, 6], [7, 7, 7, 8, 8, 8, 8], [1, 1, 1, 1, 1, 1, 3]),
        # irregular times: the window is one of time, not of values
        ([0, 0.1, 0.2, 0.3, 3.0, 3.2], [7] * 6, [1, 1, 1, 1, 3, 3]),
        # missing values are passed over
        ([0, 1, 2, 3, 4], [7, NAN, NAN, 7, 7], [1, 9, 9, 3, 3]),
        ([0], [7], [1]),
        ([0, 1], [NAN, NAN], [9, 9]),
        ([], [], []),
    ],
)
def test_flat_line(at, values, flags, tolerance):
    assert kernel.flat_line(array(*at), array(*values), 3, 5, tolerance).tolist() == flags


def test_a_rest_holds_values_within_the_tolerance_of_one_another():
    values = array(7, 7.5, 6.5, 7, 7.5, 8)
    assert kernel.flat_line(np.arange(6.0), values, 3, None, 1.0).tolist() == [1, 1, 1, 3, 3, 1]


@pytest.fixture(scope="module")
def qartod():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that it brings
        return pytest.importorskip("ioos_qc.qartod")


@pytest.fixture(scope="module")
def series():
    """A noisy signal with spikes and plateaus, every 10 s."""
    random = np.random.default_rng(20261123)
    values = np.cumsum(random.normal(0, 0.2, 20_000)) + random.normal(0, 0.05, 20_000)
    values[random.integers(0, 20_000, 200)] += random.choice([-8, 8], 200)
    for start in random.integers(0, 19_800, 40):
        values[start : start + 120] = values[start]
    return np.arange(20_000) * 10.0, values


def test_gross_range_as_ioos_qc(qartod, series):
    values = series[1].copy()
    values[::67] = NAN
    theirs = qartod.gross_range_test(inp=values, fail_span=(-20, 20), suspect_span=(-10, 10))
    assert np.array_equal(theirs, kernel.gross_range(values, (-20, 20), (-10, 10)))


def test_spike_as_ioos_qc(qartod, series):
    theirs = qartod.spike_test(inp=series[1], suspect_threshold=1.0, fail_threshold=3.0)
    assert np.array_equal(theirs, kernel.spike(series[1], 1.0, 3.0))


def test_rate_of_change_as_ioos_qc_but_for_the_first_value(qartod, series):
    ours = kernel.rate_of_change(*series, 0.05, None)
    theirs = qartod.rate_of_change_test(inp=series[1], tinp=series[0], threshold=0.05)
    assert np.array_equal(theirs[1:], ours[1:])
    assert (theirs[0], ours[0]) == (1, 2)  # the first value has no change


def test_flat_line_as_ioos_qc_on_plateaus_of_a_regular_series(qartod, series):
    at, values = series
    # ioos_qc never flags with a tolerance of 0, so it is given one that only a plateau stays within.
    theirs = np.asarray(
        qartod.flat_line_test(inp=values, tinp=at, suspect_threshold=300, fail_threshold=900, tolerance=1e-9)
    )
    ours = kernel.flat_line(at, values, 300, 900, 0.0)
    assert set(ours.tolist()) == {1, 3, 4}
    assert np.array_equal(theirs == 3, ours == 3)
    assert np.array_equal(theirs == 4, ours == 4)
