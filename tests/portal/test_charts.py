"""Charts as numbers: slots, scales, gaps that are never bridged, rules."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_api.portal.charts.curve import draw
from vitrine_api.portal.charts.figure import figure
from vitrine_api.portal.charts.rule import strokes
from vitrine_api.portal.charts.scale import Scale
from vitrine_api.portal.charts.slots import Series, Slot, Window, together
from vitrine_api.portal.formats import Formats
from vitrine_api.portal.history import KEYS, window

ZONE = ZoneInfo("America/Toronto")
START = datetime(2026, 11, 23, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def good(value: float, count: int = 60) -> Slot:
    return Slot(mean=value, low=value - 1, high=value + 1, evaluated=count, parts=1)


def series(slots: list[Slot]) -> Series:
    cut = Window("hour", START, START + len(slots) * MINUTE, MINUTE, MINUTE)
    return Series.of(cut, enumerate(slots))


def places(path: str) -> list[float]:
    return [float(x) for x in re.findall(r"[ML](-?[\d.]+) ", path)]


def test_gaps_are_never_bridged():
    slots = [good(5)] * 10 + [Slot()] * 5 + [good(6)] * 10
    curve = draw(series(slots))
    assert len(curve.lines) == 2
    (gap,) = curve.gaps
    assert (gap.left, gap.width, gap.length) == (40.0, 20.0, 5 * MINUTE)
    for line in curve.lines:
        assert not any(400 < x < 600 for x in places(line))


@given(st.lists(st.sampled_from(["good", "missing", "suspect", "fail", "thin"]), min_size=1, max_size=80))
def test_every_slot_is_drawn_as_what_it_is(kinds: list[str]):
    made = {
        "good": good(5),
        "missing": Slot(missing=3),
        "suspect": Slot(suspect=4, suspect_mean=7.0),
        "fail": Slot(fail=2, fail_value=99.0),
        "thin": Slot(mean=5, low=5, high=5, evaluated=1, parts=1, expected=2),
    }
    one = series([made[kind] for kind in kinds])
    curve = draw(one)
    width = 1000 / len(kinds)
    drawn = sorted(round(x / width - 0.5) for line in curve.lines for x in places(line))
    assert drawn == [place for place, kind in enumerate(kinds) if kind == "good"]
    # Places next to one another in a line are next to one another in time: no line leaps over a slot.
    for line in [*curve.lines, *curve.suspect_lines]:
        xs = [round(x / width - 0.5) for x in places(line)]
        assert xs == list(range(xs[0], xs[0] + len(xs)))
    assert len(curve.fails) == min(60, kinds.count("fail"))
    gone = sum((gap.length for gap in curve.gaps), timedelta())
    assert gone == MINUTE * sum(kind in ("missing", "thin") for kind in kinds)


def test_what_is_out_of_the_scale_stays_at_its_edge():
    curve = draw(series([good(5), Slot(fail=1, fail_value=4000.0), good(5)]))
    assert curve.scale.high < 20
    assert [mark.top for mark in curve.fails] == [0.0]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_scales_hold_their_values(values: list[float]):
    scale = Scale.over(values)
    slack = 1e-6 * max(1.0, abs(scale.high), abs(scale.low))
    assert all(scale.low - slack <= value <= scale.high + slack for value in values)
    assert 2 <= len(scale.ticks) <= 9
    spread = max(values) - min(values)
    if spread and spread >= 0.3 * max(abs(value) for value in values):
        assert scale.from_zero


@pytest.mark.parametrize(
    ("values", "low", "high", "decimals"),
    [([0.04, 0.061], 0.0, 0.08, 2), ([9.2, 10.0], 9.2, 10.0, 1), ([118.0, 121.0], 118, 121, 0), ([0, 372], 0, 400, 0)],
)
def test_scales_people_would_choose(values, low, high, decimals):
    scale = Scale.over(values)
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high))
    assert scale.decimals == decimals


def test_rule_tells_the_worst_flag_and_the_share():
    slots = [good(1), Slot(), Slot(suspect=1, parts=1, evaluated=1, expected=2), Slot(fail=1)]
    assert dict(strokes(slots)) == {
        "q1": "M125 100V0",
        "q9": "M375 100V88",
        "q3": "M625 100V50",
        "q4": "M875 100V88",
    }


def test_together_weighs_by_usable_values():
    joined = together([good(10, 30), good(20, 10), Slot(suspect=2, suspect_mean=50.0)])
    assert joined.mean == 12.5
    assert (joined.low, joined.high) == (9, 21)
    assert (joined.parts, joined.expected, joined.suspect) == (2, 3, 2)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("period", [0.2, 1, 10, 60, 600])
@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 23, 19, 32, 11, tzinfo=UTC),
        datetime(2026, 11, 1, 6, 30, 5, tzinfo=UTC),  # the clocks go back in Québec
        datetime(2026, 3, 8, 7, 0, 1, tzinfo=UTC),  # and forward
        datetime(2026, 11, 23, 5, 0, 0, tzinfo=UTC),  # midnight there
    ],
)
def test_windows_hold_whole_steps(key, period, now):
    cut = window(key, now, ZONE, period)
    assert cut.first < cut.last <= now + cut.step
    assert not cut.slot % cut.step
    assert cut.slot // cut.step <= 60
    assert cut.step.total_seconds() >= 2 * period or cut.step == timedelta(hours=6)
    if key == "month":
        assert cut.first.astimezone(ZONE).time().isoformat() == "00:00:00"
    empty = Series.of(cut, [])
    made = figure("x", empty, Formats("fr", ZONE, now))
    assert made.rows
    assert made.curve.gaps
    assert len(made.x_ticks) >= 2
    assert [tick.at for tick in made.x_ticks] == sorted({tick.at for tick in made.x_ticks})
