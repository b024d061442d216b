"""What a network lets through at a moment, by the faults that last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vitrine_simulators.faults.occurrence import Occurrence


@dataclass(frozen=True, slots=True)
class Link:
    """The state of one way through the network."""

    up: bool = True
    #: Whether those who try while it is down are told so (a reset), or hear nothing.
    resets: bool = False
    delay_s: float = 0.0


#: Returns the state at this moment.
Weather = Callable[[], Link]
FINE = Link()


def link_under(faults: Iterable[Occurrence], now: float) -> Link:
    """Return the state of a way under some faults of the network."""
    up, resets, delay_s = True, False, 0.0
    for fault in faults:
        if fault.kind == "delay":
            delay_s += fault.number("delay")
        elif fault.kind == "cut" or _flapped_down(fault, now):
            up, resets = False, resets or fault.parameters["how"] == "reset"
    return Link(up, resets, delay_s)


def _flapped_down(fault: Occurrence, now: float) -> bool:
    """Tell whether a link that flaps is down: in the first half of each period."""
    period = fault.number("period")
    return (now - fault.begin) % period < period / 2
