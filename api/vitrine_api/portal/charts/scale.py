"""Vertical scales: round steps, four to seven gridlines, from zero unless the question is about small changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

#: From zero, unless the values spread over less than this share of the largest.
SMALL = 0.3
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from `low` to `high` with a gridline every `step`."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Scale:
        """Choose the scale that holds all values."""
        if not values:
            return cls(0.0, 1.0, 0.25)
        low, high = min(values), max(values)
        farthest = max(abs(low), abs(high))
        if high - low >= SMALL * farthest or not farthest:
            low, high = min(0.0, low), max(0.0, high)
        if high - low <= 1e-9 * max(1.0, farthest):
            margin = max(abs(high) * 0.05, 1e-6) if high else 1.0
            low, high = (low - margin if low else 0.0), high + margin
        step = _round_step((high - low) / 5)
        return cls(floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step)

    @property
    def ticks(self) -> list[float]:
        """Values of the gridlines, from the bottom."""
        return [self.low + self.step * place for place in range(round((self.high - self.low) / self.step) + 1)]

    @property
    def decimals(self) -> int:
        """Decimals that the labels need."""
        digits = 0
        while digits < 9 and abs(round(self.step, digits) - self.step) > self.step * 1e-6:
            digits += 1
        return digits

    @property
    def from_zero(self) -> bool:
        """True where the axis holds zero."""
        return self.low <= 0 <= self.high

    def height(self, value: float) -> float:
        """Return where a value stands, 0 at the bottom and 1 at the top; values outside stay at the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def holds(self, value: float) -> bool:
        """True where the value lies on the scale."""
        return self.low <= value <= self.high


def _round_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in _STEPS if factor * power >= rough * 0.999)
