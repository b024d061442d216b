"""One fault as it happens: what, where, from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["instrument", "bus", "network", "clock", "power"]
FAMILIES: tuple[Family, ...] = ("instrument", "bus", "network", "clock", "power")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One fault on its own. Times are seconds since 1970 UTC; `end` is excluded.

    A fault that happens at an instant and leaves its trace for good, such as a counter's reset, has ``end == begin``.
    """

    #: The same in each expansion with the same declaration and seed.
    id: str
    kind: str
    family: Family
    begin: float
    end: float
    #: Empty where the fault concerns no single device: a whole gateway, a network.
    device: str = ""
    #: Empty where the fault concerns no single channel.
    channel: str = ""
    parameters: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def devices(self) -> frozenset[str]:
        """Return the devices that it concerns: its own, and that of the `other` channel of two that are swapped."""
        other = str(self.parameters.get("other", "")).partition("/")[0]
        return frozenset({self.device, other} if other else {self.device})

    def active(self, now: float) -> bool:
        """Tell whether it lasts at an instant; what leaves its trace for good lasts from its beginning on."""
        return self.begin <= now and (now < self.end or self.end == self.begin)

    def number(self, name: str) -> float:
        """Return a parameter that is a number."""
        return float(self.parameters[name])
