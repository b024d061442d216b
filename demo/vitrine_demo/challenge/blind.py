"""Blind faults: drawn from a seed, every kind that fits a channel about equally often, none beside another.

The period is cut into slots of twelve hours; in each, a channel has one fault. Sizes are shares of the channel's own
spread, drawn evenly on a logarithmic scale, so that small faults are as frequent as large ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from vitrine_demo.challenge.traits import Trait
from vitrine_simulators.faults import Occurrence
from vitrine_simulators.noise import Noise

SLOT_S = 43_200.0
#: Part of a slot at its beginning and at its end that stays free of faults, in seconds.
_FREE_BEFORE, _FREE_AFTER = 1800.0, 7200.0
#: Kind → shortest and longest duration in seconds; a spike is one reading, a reset an instant.
DURATIONS: dict[str, tuple[float, float]] = {
    "stuck": (1800.0, 14_400.0),
    "drift": (7200.0, 21_600.0),
    "spike": (0.0, 0.0),
    "noise": (600.0, 3600.0),
    "offset-after-cleaning": (3600.0, 14_400.0),
    "clipped-range": (3600.0, 14_400.0),
    "swapped": (1800.0, 7200.0),
    "wrong-scale": (600.0, 3600.0),
    "counter-reset": (0.0, 0.0),
    "counter-rollover": (3600.0, 14_400.0),
    "sentinel": (60.0, 600.0),
    "warm-up": (1800.0, 3600.0),
}
#: Kind → smallest and largest size, as a share of the spread; a drift has its size at its end.
SIZES: dict[str, tuple[float, float]] = {
    "drift": (0.3, 3.0),
    "spike": (0.3, 10.0),
    "noise": (0.1, 1.0),
    "offset-after-cleaning": (0.1, 2.0),
    "warm-up": (0.3, 3.0),
}
_COUNTERS = ("stuck", "spike", "wrong-scale", "counter-reset", "counter-rollover", "sentinel")
_OTHERS = (
    "stuck",
    "drift",
    "spike",
    "noise",
    "offset-after-cleaning",
    "clipped-range",
    "swapped",
    "wrong-scale",
    "sentinel",
    "warm-up",
)


@dataclass(slots=True)
class _Draws:
    """Random numbers of one fault, one after another."""

    noise: Noise
    stream: str
    drawn: int = 0

    def share(self) -> float:
        """Return a number from 0 to before 1."""
        self.drawn += 1
        return float(self.noise.uniform(self.stream, np.array([float(self.drawn)]))[0])

    def between(self, low: float, high: float) -> float:
        """Return a number from low to high."""
        return low + self.share() * (high - low)

    def size(self, kind: str, spread: float) -> float:
        """Return a size of either sign."""
        low, high = SIZES[kind]
        sign = 1.0 if self.share() < 0.5 else -1.0
        return _rounded(sign * spread * math.exp(self.between(math.log(low), math.log(high))))


def blind_faults(traits: Sequence[Trait], seed: int, begin: float, end: float) -> list[Occurrence]:
    """Return the faults of a period, in the order of time."""
    noise, found = Noise(seed), []
    orders = {trait.path: _order(trait, noise) for trait in traits}
    slots = max(1, round((end - begin) / SLOT_S))
    for slot in range(slots):
        taken: set[str] = set()
        for trait in traits:
            if trait.path in taken:
                continue
            kind = _kind(trait, orders[trait.path], slot, slots)
            draws = _Draws(noise, f"challenge/{trait.path}/{slot}")
            fault = _fault(kind, trait, draws, begin + slot * SLOT_S, min(SLOT_S, end - begin))
            other = str(fault.parameters.get("other", ""))
            if other in taken:
                continue  # the one that it would be swapped with has a fault of its own in this slot
            taken |= {trait.path, other} - {""}
            found.append(fault)
    return sorted(found, key=lambda one: (one.begin, one.id))


def _kind(trait: Trait, order: list[str], slot: int, slots: int) -> str:
    """Return the kind of a slot: each in its turn, and a counter's reset last, since nothing after it is as before."""
    if trait.counter and slot == slots - 1:
        return "counter-reset"
    return order[slot % len(order)]


def kinds_of(trait: Trait) -> list[str]:
    """Return the kinds of faults that fit a channel."""
    fits = {"swapped": bool(trait.partners), "sentinel": trait.has_mark}
    return [kind for kind in (_COUNTERS if trait.counter else _OTHERS) if fits.get(kind, True)]


def _order(trait: Trait, noise: Noise) -> list[str]:
    """Return the kinds in an order of the seed's."""
    kinds = [kind for kind in kinds_of(trait) if kind != "counter-reset"]
    draws = noise.uniform(f"challenge/order/{trait.path}", np.arange(float(len(kinds))))
    return [kinds[place] for place in np.argsort(draws, kind="stable")]


def _fault(kind: str, trait: Trait, draws: _Draws, begin: float, room_s: float) -> Occurrence:
    lasts = min(draws.between(*DURATIONS[kind]), room_s / 3.0)
    if kind == "spike":
        lasts = trait.every_s
    at = begin + draws.between(_FREE_BEFORE, max(_FREE_BEFORE, room_s - _FREE_AFTER - lasts))
    at, lasts = float(math.floor(at)), float(math.ceil(lasts))
    device, _, channel = trait.path.partition("/")
    return Occurrence(
        id=f"{kind}-{trait.path}-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}",
        kind=kind,
        family="instrument",
        begin=at,
        end=at + lasts,
        device=device,
        channel=channel,
        parameters=dict(_parameters(kind, trait, draws, lasts)),
    )


def _parameters(kind: str, trait: Trait, draws: _Draws, lasts: float) -> Iterator[tuple[str, float | str]]:
    if kind in ("spike", "offset-after-cleaning"):
        yield "size", draws.size(kind, trait.spread)
    elif kind == "drift":
        yield "per_hour", _rounded(draws.size(kind, trait.spread) / (lasts / 3600.0))
    elif kind == "noise":
        yield "deviation", abs(draws.size(kind, trait.spread))
    elif kind == "warm-up":
        yield "size", draws.size(kind, trait.spread)
        yield "time_constant", _rounded(lasts / 4.0)
    elif kind == "clipped-range":
        yield "lowest", _rounded(trait.low - 100.0 * trait.spread)
        yield "highest", _rounded(trait.low + draws.between(0.2, 0.8) * trait.spread)
    elif kind == "swapped":
        yield "other", trait.partners[int(draws.share() * len(trait.partners))]
    elif kind == "wrong-scale":
        yield "factor", 10.0 if draws.share() < 0.5 else 0.1
    elif kind == "counter-rollover":
        yield "modulus", 10.0 ** math.floor(math.log10(max(trait.low, trait.spread, 1.0)))


def _rounded(value: float) -> float:
    """Return a number with four digits: what a log and another machine show is then the same."""
    return float(f"{value:.4g}")
