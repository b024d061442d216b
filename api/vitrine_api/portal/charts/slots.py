"""Measurements of one channel, gathered in equal slots of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

#: A slot shows a mean only if at least this share of its steps holds a usable value.
ENOUGH = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What arrived in one slot. Mean, lowest and highest are over usable values (flags 1 and 2)."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    #: Values by flag: evaluated = 1, unevaluated = 2.
    evaluated: int = 0
    unevaluated: int = 0
    suspect: int = 0
    fail: int = 0
    missing: int = 0
    #: Mean of the suspect values, and the failed value farthest from zero.
    suspect_mean: float | None = None
    fail_value: float | None = None
    #: Steps of the slot that hold a usable value, and steps that the slot has.
    parts: int = 0
    expected: int = 1

    @property
    def good(self) -> int:
        """Usable values."""
        return self.evaluated + self.unevaluated

    @property
    def share(self) -> float:
        """Share of the slot's steps that hold a usable value."""
        return min(1.0, self.parts / self.expected) if self.expected else 0.0

    @property
    def shown(self) -> bool:
        """True where the slot holds enough to show its mean."""
        return self.mean is not None and self.share >= ENOUGH

    @property
    def flag(self) -> int:
        """The worst flag of the slot; missing (9) where too little arrived."""
        if self.fail:
            return 4
        if self.suspect:
            return 3
        if self.share < ENOUGH:
            return 9
        return 1 if self.evaluated >= self.unevaluated else 2


def together(slots: Sequence[Slot]) -> Slot:
    """Gather several slots into one; the mean weighs each by its usable values."""
    good = sum(slot.good for slot in slots)
    suspect = sum(slot.suspect for slot in slots)
    total = sum(slot.mean * slot.good for slot in slots if slot.mean is not None)
    doubtful = sum(slot.suspect_mean * slot.suspect for slot in slots if slot.suspect_mean is not None)
    failed = [slot.fail_value for slot in slots if slot.fail_value is not None]
    return Slot(
        mean=total / good if good else None,
        low=min((slot.low for slot in slots if slot.low is not None), default=None),
        high=max((slot.high for slot in slots if slot.high is not None), default=None),
        evaluated=sum(slot.evaluated for slot in slots),
        unevaluated=sum(slot.unevaluated for slot in slots),
        suspect=suspect,
        fail=sum(slot.fail for slot in slots),
        missing=sum(slot.missing for slot in slots),
        suspect_mean=doubtful / suspect if suspect else None,
        fail_value=max(failed, key=abs, default=None),
        parts=sum(slot.parts for slot in slots),
        expected=sum(slot.expected for slot in slots),
    )


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time cut into equal slots, each of several steps; only whole steps count."""

    key: str
    first: datetime
    last: datetime
    slot: timedelta
    step: timedelta

    def __len__(self) -> int:
        return ceil((self.last - self.first) / self.slot)

    def start(self, place: int) -> datetime:
        """Return when a slot begins."""
        return self.first + place * self.slot

    def place(self, time: datetime) -> int:
        """Return the slot that holds a time."""
        return (time - self.first) // self.slot

    def expected(self, place: int) -> int:
        """Return how many whole steps a slot has by the end of the window."""
        return max(1, (min(self.start(place + 1), self.last) - self.start(place)) // self.step)


@dataclass(frozen=True, slots=True)
class Series:
    """The slots of one channel over a window, none left out."""

    window: Window
    slots: tuple[Slot, ...] = field(repr=False)

    @classmethod
    def of(cls, window: Window, found: Iterable[tuple[int, Slot]]) -> Series:
        """Put the slots found into their places; the others are empty."""
        slots = [Slot(expected=window.expected(place)) for place in range(len(window))]
        for place, slot in found:
            if 0 <= place < len(slots):
                slots[place] = slot
        return cls(window, tuple(slots))

    def merged(self, factor: int) -> Series:
        """Return the series with that many slots in one."""
        window = Window(
            self.window.key, self.window.first, self.window.last, self.window.slot * factor, self.window.step
        )
        groups = [self.slots[place : place + factor] for place in range(0, len(self.slots), factor)]
        return Series(window, tuple(together(group) for group in groups))

    def total(self) -> Slot:
        """Return everything in one slot."""
        return together(self.slots)
