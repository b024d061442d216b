"""Completeness by civil day, week by week from Monday."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from vitrine_api.portal.charts.figure import by_day
from vitrine_api.portal.charts.slots import Series, Slot, together
from vitrine_api.portal.formats import Formats

#: Share of a day under which it stands out.
ENOUGH = 0.9
_WEEKDAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


@dataclass(frozen=True, slots=True)
class Day:
    """One day: its date, share of what was expected, and class."""

    date: date
    share: float | None
    css: str


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days; None where the calendar does not reach."""

    label: str
    days: list[Day | None]


def weekdays(formats: Formats) -> list[tuple[str, str]]:
    """Return initial and name of each day of the week."""
    return [(name[0].upper(), name) for name in _WEEKDAYS[formats.language]]


def days_of(series: Iterable[Series], formats: Formats) -> dict[date, Slot]:
    """Gather every channel by civil day."""
    days: dict[date, list[Slot]] = {}
    for one in series:
        for start, slot in by_day(one, formats):
            days.setdefault(formats.local(start).date(), []).append(slot)
    return {day: together(slots) for day, slots in sorted(days.items())}


def calendar(days: dict[date, Slot], formats: Formats) -> list[Week]:
    """Lay the days out in weeks."""
    if not days:
        return []
    first, last = min(days), max(days)
    begun = next((day for day, slot in days.items() if _arrived(slot)), None)
    weeks, monday = [], first - timedelta(days=first.weekday())
    while monday <= last:
        week = [monday + timedelta(days=place) for place in range(7)]
        cells = [_day(day, days, begun, last) if first <= day else None for day in week]
        weeks.append(Week(formats.tick_day(monday), cells))
        monday += timedelta(days=7)
    return weeks


def _arrived(slot: Slot) -> bool:
    return bool(slot.good or slot.suspect or slot.fail or slot.missing)


def _day(day: date, days: dict[date, Slot], begun: date | None, last: date) -> Day:
    if day not in days or begun is None or day < begun:
        return Day(day, None, "fut")
    share = days[day].share
    if day == last:
        return Day(day, share, "now")
    if not _arrived(days[day]):
        return Day(day, 0.0, "no")
    return Day(day, share, "" if share >= ENOUGH else "lo")
