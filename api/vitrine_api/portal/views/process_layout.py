"""Where the parts of a process drawing stand: a wide layout on the grid of the file, a narrow one from top to bottom.

Lengths are those of the drawing's view box; a symbol is a square of 64 around its centre.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

HALF = 32
#: Height of one reading: label, number, range, flag.
READING = 72
#: Width of a reading's range.
RANGE = 92
WIDE, THIN = 1000, 340
#: Between a symbol and the readings above it: returning flows run there.
_LANE = 22
#: Heights of returning flows above their symbols, and distance of what comes from another row from the middle.
_RETURNS, _BESIDE = (11, 17, 6), 16
_GAP = 26
_AXIS, _TEXT = 66, 118


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a unit's symbol and name stand."""

    x: float
    y: float
    name_x: float
    name_y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Pipe:
    """A line from one unit to another, and the arrow at its end."""

    line: str
    arrow: str
    medium: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading's text begins, and the line that leads to it; '' for none."""

    x: float
    y: float
    lead: str


@dataclass(slots=True)
class Layout:
    """One drawing."""

    width: int
    height: float = 0.0
    spots: dict[str, Spot] = field(default_factory=dict)
    pipes: list[Pipe] = field(default_factory=list)
    #: One for each reading of the file, in its order.
    places: list[Place] = field(default_factory=list)


def wide(process: Mapping[str, Any]) -> Layout:
    """Lay the units out on their grid."""
    units, readings = process["units"], process["readings"]
    columns = max(3, *(unit["column"] for unit in units))
    cell, stacks = WIDE / columns, _stacks(readings)
    layout, top = Layout(WIDE), 8.0
    for row in sorted({unit["row"] for unit in units}):
        inside = [unit for unit in units if unit["row"] == row]
        above = max(len(stacks[unit["key"], "above"]) for unit in inside)
        below = max(len(stacks[unit["key"], "below"]) for unit in inside)
        y = top + above * READING + _LANE + HALF
        for unit in inside:
            x = (unit["column"] - 0.5) * cell
            layout.spots[unit["key"]] = Spot(x, y, x, y + HALF + 18, "middle")
        top = y + HALF + 18 + below * READING + (_GAP if below else 0) + _GAP
    layout.height = top
    layout.places = [_wide_place(layout.spots[one["unit"]], one, stacks) for one in readings]
    returns: dict[float, int] = defaultdict(int)
    for first, last, medium in _links(process):
        ends = layout.spots[first], layout.spots[last]
        if ends[0].y != ends[1].y:
            layout.pipes.append(_between_rows(*ends, medium, cell))
        elif ends[0].x < ends[1].x:
            layout.pipes.append(_onwards(*ends, medium))
        else:
            layout.pipes.append(_back(*ends, medium, _RETURNS[returns[ends[0].y] % len(_RETURNS)]))
            returns[ends[0].y] += 1
    return layout


def thin(process: Mapping[str, Any]) -> Layout:
    """Lay the units out one below the other, in the order of the file, with their readings beside them."""
    layout, top = Layout(THIN), 8.0
    beside: dict[int, Place] = {}
    for unit in process["units"]:
        y = top + HALF
        layout.spots[unit["key"]] = Spot(_AXIS, y, _TEXT, top + 14, "start")
        own = [index for index, one in enumerate(process["readings"]) if one["unit"] == unit["key"]]
        for place, index in enumerate(own):
            beside[index] = Place(_TEXT, top + 40 + place * READING, "")
        top += max(2 * HALF, 28 + len(own) * READING) + _GAP
    layout.height = top
    layout.places = [beside[index] for index in sorted(beside)]
    order, lanes = list(layout.spots), 0
    for first, last, medium in _links(process):
        ends = layout.spots[first], layout.spots[last]
        if abs(order.index(first) - order.index(last)) == 1:
            layout.pipes.append(_along(*ends, medium))
        else:
            layout.pipes.append(_beside(*ends, medium, 24 - 8 * (lanes % 3)))
            lanes += 1
    return layout


def _stacks(readings: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    stacks: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in readings:
        stacks[one["unit"], one["side"]].append(one["channel"])
    return stacks


def _links(process: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (first, last, flow["medium"])
        for flow in process["flows"]
        for first, last in zip(flow["path"], flow["path"][1:], strict=False)
    ]


def _wide_place(spot: Spot, one: Mapping[str, Any], stacks: Mapping[tuple[str, str], list[str]]) -> Place:
    at = stacks[one["unit"], one["side"]].index(one["channel"])
    x = spot.x - RANGE / 2
    if one["side"] == "below":
        return Place(x, spot.name_y + _GAP + at * READING, "")
    y = spot.y - HALF - _LANE - READING * (at + 1) + 12
    lead = f"M{spot.x:g} {spot.y - HALF:g}V{spot.y - HALF - _LANE - 10:g}" if at == 0 else ""
    return Place(x, y, lead)


def _onwards(first: Spot, last: Spot, medium: str) -> Pipe:
    end = last.x - HALF
    return Pipe(f"M{first.x + HALF:g} {first.y:g}H{end:g}", _arrow(end, last.y, "right"), medium)


def _back(first: Spot, last: Spot, medium: str, lane: float) -> Pipe:
    top = first.y - HALF
    line = f"M{first.x:g} {top:g}V{top - lane:g}H{last.x:g}V{top:g}"
    return Pipe(line, _arrow(last.x, top, "down"), medium)


def _between_rows(first: Spot, last: Spot, medium: str, cell: float) -> Pipe:
    """Draw a line along a gutter between two columns; it meets its units beside what flows along their own rows."""
    if first.x < last.x:
        start, gutter, end, way = first.x + HALF, last.x - cell / 2, last.x - HALF, "right"
    elif first.x > last.x:
        start, gutter, end, way = first.x - HALF, last.x + cell / 2, last.x + HALF, "left"
    else:
        start, gutter, end, way = first.x + HALF, first.x + cell / 2, last.x + HALF, "left"
    side = _BESIDE if first.y < last.y else -_BESIDE
    line = f"M{start:g} {first.y + side:g}H{gutter:g}V{last.y - side:g}H{end:g}"
    return Pipe(line, _arrow(end, last.y - side, way), medium)


def _along(first: Spot, last: Spot, medium: str) -> Pipe:
    down = first.y < last.y
    sign = 1 if down else -1
    end = last.y - sign * HALF
    return Pipe(
        f"M{first.x:g} {first.y + sign * HALF:g}V{end:g}", _arrow(last.x, end, "down" if down else "up"), medium
    )


def _beside(first: Spot, last: Spot, medium: str, lane: float) -> Pipe:
    edge = _AXIS - HALF
    return Pipe(f"M{edge:g} {first.y:g}H{lane:g}V{last.y:g}H{edge:g}", _arrow(edge, last.y, "right"), medium)


_HEADS = {"right": "l-9-5v10z", "left": "l9-5v10z", "down": "l-5-9h10z", "up": "l-5 9h10z"}


def _arrow(x: float, y: float, way: str) -> str:
    return f"M{x:g} {y:g}{_HEADS[way]}"
