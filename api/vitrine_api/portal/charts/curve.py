"""The curve of one channel: what its drawing consists of, in percent of the plot and in a box of 1000 by 1000.

Gaps are never bridged. The line runs through the means of slots that hold enough; the band spans their lowest and
highest values. Suspect slots go on in a dotted line, failed ones stand alone, missing ones are a box with its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from vitrine_api.portal.charts.rule import strokes
from vitrine_api.portal.charts.scale import Scale
from vitrine_api.portal.charts.slots import Series, Slot

#: Marks of one kind in a plot at most, so that a broken sensor does not make a page of many megabytes.
MARKS = 60
#: Strokes under a curve at most.
LANE = 120


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing slots in a row: place and width in percent, and how long."""

    left: float
    width: float
    length: timedelta


@dataclass(frozen=True, slots=True)
class Mark:
    """A ▲ or × at a slot, in percent from the left and from the top."""

    left: float
    top: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Everything that one plot draws."""

    series: Series
    scale: Scale
    lines: list[str]
    suspect_lines: list[str]
    bands: list[str]
    gaps: list[Gap]
    suspects: list[Mark]
    fails: list[Mark]
    lane: list[tuple[str, str]]
    total: Slot
    #: Marks that would not fit any more; the table has them.
    unmarked: int = field(default=0)


def draw(series: Series) -> Curve:
    """Turn a series into its drawing."""
    slots = series.slots
    scale = Scale.over(list(_extents(slots)))
    suspects = [_mark(series, scale, place, slot.suspect_mean) for place, slot in enumerate(slots) if slot.suspect]
    fails = [_mark(series, scale, place, slot.fail_value) for place, slot in enumerate(slots) if slot.fail]
    return Curve(
        series=series,
        scale=scale,
        lines=[_line(series, scale, run) for run in _runs(slots, lambda slot: slot.shown)],
        suspect_lines=[
            _line(series, scale, run) for run in _runs(slots, lambda slot: not slot.shown and bool(slot.suspect))
        ],
        bands=[_band(series, scale, run) for run in _runs(slots, lambda slot: slot.shown) if _spreads(slots, run)],
        gaps=[_gap(series, run) for run in _runs(slots, _is_missing)],
        suspects=suspects[:MARKS],
        fails=fails[:MARKS],
        lane=strokes(_lane(series)),
        total=series.total(),
        unmarked=max(0, len(suspects) - MARKS) + max(0, len(fails) - MARKS),
    )


def _extents(slots: Sequence[Slot]) -> Iterator[float]:
    for slot in slots:
        if slot.shown:
            yield from (value for value in (slot.low, slot.high) if value is not None)
        elif slot.suspect_mean is not None:
            yield slot.suspect_mean


def _is_missing(slot: Slot) -> bool:
    return not slot.shown and not slot.suspect and not slot.fail


def _runs(slots: Sequence[Slot], wanted: object) -> list[range]:
    assert callable(wanted)
    runs = []
    for fits, group in groupby(range(len(slots)), key=lambda place: wanted(slots[place])):
        places = list(group)
        if fits:
            runs.append(range(places[0], places[-1] + 1))
    return runs


def _x(series: Series, place: float) -> float:
    window = series.window
    return place * (window.slot / (window.last - window.first))


def _middle(series: Series, place: int) -> str:
    return f"{round(min(1.0, _x(series, place + 0.5)) * 1000, 1):g}"


def _y(scale: Scale, value: float | None) -> str:
    return str(round(1000 * (1 - scale.height(value if value is not None else scale.low))))


def _line(series: Series, scale: Scale, run: range) -> str:
    points = []
    for place in run:
        slot = series.slots[place]
        points.append(f"{_middle(series, place)} {_y(scale, slot.mean if slot.shown else slot.suspect_mean)}")
    return "M" + "L".join(points) + ("h.1" if len(points) == 1 else "")


def _band(series: Series, scale: Scale, run: range) -> str:
    upper = [f"{_middle(series, place)} {_y(scale, series.slots[place].high)}" for place in run]
    lower = [f"{_middle(series, place)} {_y(scale, series.slots[place].low)}" for place in reversed(run)]
    return "M" + "L".join(upper + lower) + "z"


def _spreads(slots: Sequence[Slot], run: range) -> bool:
    return len(run) > 1 and any(slots[place].low != slots[place].high for place in run)


def _gap(series: Series, run: range) -> Gap:
    window = series.window
    end = min(window.last, window.start(run.stop))
    left = _x(series, run.start)
    width = (end - window.start(run.start)) / (window.last - window.first)
    return Gap(round(left * 100, 2), round(width * 100, 2), end - window.start(run.start))


def _mark(series: Series, scale: Scale, place: int, value: float | None) -> Mark:
    top = 1 - scale.height(value if value is not None else scale.low)
    return Mark(round(min(1.0, _x(series, place + 0.5)) * 100, 2), round(top * 100, 2))


def _lane(series: Series) -> Sequence[Slot]:
    factor = -(-len(series.slots) // LANE)
    return series.merged(factor).slots
