"""The process drawing: each value at the place of its instrument, with its normal range and a pointer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrine_api.portal.views.process_layout import RANGE, Layout, thin, wide
from vitrine_api.portal.views.values import Value

#: Share of the normal range that is drawn beyond each of its ends.
BEYOND = 0.2
Say = Callable[[Mapping[str, str] | None], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value in its place."""

    label: str
    value: Value
    #: Ends of the drawn range; None where no normal range is declared.
    low: float | None
    high: float | None
    #: Normal range and pointer, in the drawing's units from the left end.
    normal: tuple[float, float] = (0.0, 0.0)
    pointer: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The process with its readings, in two layouts; each layout has a place for each reading, in the same order."""

    #: Key, symbol and name of each unit.
    units: list[tuple[str, str, str]]
    #: None where no such channel was born yet.
    readings: list[Reading | None]
    media: list[str]
    wide: Layout
    thin: Layout

    @property
    def names(self) -> str:
        """Name the units in their order, for those who do not see the drawing."""
        return ", ".join(name for _, _, name in self.units)


def drawing(
    process: Mapping[str, Any] | None, channels: Sequence[Mapping[str, Any]], values: Sequence[Value], say: Say
) -> Drawing | None:
    """Return the drawing that the installation's file declares; None where it declares none."""
    if not process or not process["units"]:
        return None
    known = {value.path: (channel, value) for channel, value in zip(channels, values, strict=True)}
    return Drawing(
        units=[(unit["key"], unit["symbol"], say(unit["name"])) for unit in process["units"]],
        readings=[
            _reading(one, *known[one["channel"]], say) if one["channel"] in known else None
            for one in process["readings"]
        ],
        media=sorted({flow["medium"] for flow in process["flows"]}),
        wide=wide(process),
        thin=thin(process),
    )


def _reading(one: Mapping[str, Any], channel: Mapping[str, Any], value: Value, say: Say) -> Reading:
    label = say(one["name"]) or value.name
    rules = channel["rules"] or {}
    bounds = rules.get("gross_range_suspect") or rules.get("gross_range_fail")
    if not bounds:
        return Reading(label=label, value=value, low=None, high=None)
    margin = BEYOND * (bounds[1] - bounds[0])
    low, high = bounds[0] - margin, bounds[1] + margin
    at = [round((bound - low) / (high - low) * RANGE, 1) for bound in bounds]
    pointer = None
    if channel["value"] is not None:
        pointer = round(min(1.0, max(0.0, (channel["value"] - low) / (high - low))) * RANGE, 1)
    return Reading(label=label, value=value, low=low, high=high, normal=(at[0], at[1]), pointer=pointer)
