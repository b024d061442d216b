"""A chart ready for its template: curve, labels of both axes, and the table that says the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from vitrine_api.portal.charts.curve import Curve, draw
from vitrine_api.portal.charts.slots import Series, Slot, Window, together
from vitrine_api.portal.formats import Formats

#: Rows of the table twin, about: five minutes of an hour, two hours of a day, one day of a month.
_ROWS = {"hour": timedelta(minutes=5), "day": timedelta(hours=2), "month": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis, in percent from the left or from the top."""

    at: float
    label: str
    #: Left out where the drawing is narrow.
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table twin."""

    label: str
    slot: Slot


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart."""

    key: str
    curve: Curve
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    rows: list[Row]
    #: First and last value of the axis, so that a zoom can begin where the drawing does.
    first: datetime
    last: datetime


def figure(key: str, series: Series, formats: Formats) -> Figure:
    """Prepare the chart of one series."""
    curve = draw(series)
    scale, cut = curve.scale, series.window
    y_ticks = [Tick(round(100 * (1 - scale.height(v)), 2), formats.number(v, scale.decimals)) for v in scale.ticks]
    return Figure(key, curve, y_ticks, time_ticks(cut, formats), rows(series, formats), cut.first, cut.last)


def time_ticks(cut: Window, formats: Formats) -> list[Tick]:
    """Return the marks of the time axis: ten minutes of an hour, three hours of a day, civil days of a month."""
    length = cut.last - cut.first
    moments = list(_moments(cut, formats))
    ticks = []
    for number, moment in enumerate(moments):
        at = round((moment - cut.first) / length * 100, 2)
        if not -0.01 <= at <= 98:
            continue
        label = formats.tick_day(moment) if cut.key == "month" else formats.minute(moment)
        ticks.append(Tick(max(0.0, at), label, minor=number % 2 == 1))
    return ticks


def _moments(cut: Window, formats: Formats) -> Iterator[datetime]:
    local = formats.local(cut.first)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if cut.key == "month":
        for days in range(0, 40, 3):
            yield midnight + timedelta(days=days)
        return
    step = 10 if cut.last - cut.first <= timedelta(hours=2) else 180
    if cut.last - cut.first > timedelta(hours=2) and cut.key == "hour":
        step = 60
    minutes = 0
    while minutes < 60 * 49:
        # Wall clock arithmetic keeps civil hours on both sides of a change of time.
        moment = midnight + timedelta(minutes=minutes)
        if moment >= local:
            yield moment
        minutes += step


def rows(series: Series, formats: Formats) -> list[Row]:
    """Gather the slots into the lines of the table."""
    cut = series.window
    factor = max(1, _ROWS[cut.key] // cut.slot)
    if cut.key == "month":
        return [Row(formats.day(first), slot) for first, slot in by_day(series, formats)]
    merged = series.merged(factor)
    return [Row(_when(cut, merged.window.start(place), formats), slot) for place, slot in enumerate(merged.slots)]


def by_day(series: Series, formats: Formats) -> list[tuple[datetime, Slot]]:
    """Gather the slots of a month by civil day."""
    days: dict[str, tuple[datetime, list[Slot]]] = {}
    for place, slot in enumerate(series.slots):
        start = series.window.start(place)
        days.setdefault(formats.day(start), (start, []))[1].append(slot)
    return [(start, together(slots)) for start, slots in days.values()]


def _when(cut: Window, time: datetime, formats: Formats) -> str:
    if cut.key == "hour":
        return formats.minute(time)
    return f"{formats.day(time)}\u00a0{formats.minute(time)}"
