"""The process drawing: each value at the place of its instrument, with its normal range and a pointer.

An installation has one if its channels are those that a layout names; so far there is the ultrafiltration pilot's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrine_api.portal.views.values import Value

#: Width of a range, and share of the normal range that is drawn beyond each of its ends.
WIDTH, BEYOND = 92, 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading stands in the wide and in the narrow drawing: corner of its label, and path of its lead."""

    role: str
    #: Endings of the channel's path, any of which fits.
    paths: tuple[str, ...]
    wide: tuple[int, int, str]
    thin: tuple[int, int, str]


ULTRAFILTRATION = (
    Place("feed-turbidity", ("feed-turbidity/turbidity",), (112, 96, "M112 214V146"), (150, 40, "M110 50H140")),
    Place("temperature", ("/temperature",), (112, 278, "M124 214V262"), (150, 112, "M66 122H140")),
    Place("power", ("pump/power", "pump/active_power"), (246, 278, "M234 214H240V262"), (150, 190, "M85 200H140")),
    Place("feed-flow", ("feed-flow/flow",), (262, 96, "M262 214V146"), (150, 266, "M66 276H140")),
    Place("pressure", ("membrane/pressure", "tmp/pressure"), (384, 278, "M484 294H498"), (150, 380, "M94 390H140")),
    Place("permeate-flow", ("permeate-flow/flow",), (640, 260, "M652 214V244"), (150, 520, "M66 530H140")),
    Place(
        "permeate-turbidity", ("permeate-turbidity/turbidity",), (770, 260, "M782 214V244"), (150, 596, "M66 606H140")
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value in its place."""

    role: str
    value: Value
    wide: tuple[int, int, str]
    thin: tuple[int, int, str]
    #: Ends of the drawn range; None where no normal range is declared.
    low: float | None
    high: float | None
    #: Normal range and pointer, in the drawing's units from the left end.
    normal: tuple[float, float] = (0.0, 0.0)
    pointer: float | None = None


def drawing(channels: Sequence[Mapping[str, Any]], values: Sequence[Value], domain: str | None) -> list[Reading]:
    """Return the readings of the drawing; none where the installation has no such drawing."""
    if domain != "water":
        return []
    readings = []
    for place in ULTRAFILTRATION:
        fits = [number for number, value in enumerate(values) if value.path.endswith(place.paths)]
        if not fits:
            return []
        readings.append(_reading(place, channels[fits[0]], values[fits[0]]))
    return readings


def _reading(place: Place, channel: Mapping[str, Any], value: Value) -> Reading:
    rules = channel["rules"] or {}
    bounds = rules.get("gross_range_suspect") or rules.get("gross_range_fail")
    if not bounds:
        return Reading(role=place.role, value=value, wide=place.wide, thin=place.thin, low=None, high=None)
    margin = BEYOND * (bounds[1] - bounds[0])
    low, high = bounds[0] - margin, bounds[1] + margin
    at = [round((bound - low) / (high - low) * WIDTH, 1) for bound in bounds]
    pointer = None
    if channel["value"] is not None:
        pointer = round(min(1.0, max(0.0, (channel["value"] - low) / (high - low))) * WIDTH, 1)
    return Reading(
        role=place.role,
        value=value,
        wide=place.wide,
        thin=place.thin,
        low=low,
        high=high,
        normal=(at[0], at[1]),
        pointer=pointer,
    )
