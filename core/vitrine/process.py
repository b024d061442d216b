"""The drawing of a process: what stands where, what flows between, and which channels are read at which place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from vitrine.i18n import Text

Symbol = Literal[
    "battery",
    "blower",
    "building",
    "digester",
    "exchanger",
    "fan",
    "flame",
    "gas",
    "grid",
    "heat_pump",
    "inverter",
    "lamp",
    "membrane",
    "meter",
    "outlet",
    "pile",
    "pump",
    "reactor",
    "settler",
    "solar_array",
    "source",
    "sun",
    "tank",
    "valve",
]
Medium = Literal["water", "air", "gas", "heat", "electricity", "solid"]
Side = Literal["above", "below"]

SYMBOLS: tuple[str, ...] = get_args(Symbol)
MEDIA: tuple[str, ...] = get_args(Medium)
SIDES: tuple[str, ...] = get_args(Side)
#: What fits: columns and rows of the grid, values on the drawing, characters of a label.
COLUMNS, ROWS, READINGS, LABEL = 6, 3, 12, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One piece of equipment, in a cell of the grid; columns and rows count from 1, from the top left."""

    key: str
    symbol: Symbol
    name: Text
    column: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What flows along a path of units."""

    path: tuple[str, ...]
    medium: Medium


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A channel's value at a unit, above or below it."""

    #: ``device/channel``.
    channel: str
    unit: str
    side: Side
    #: Short label; empty: the channel's name.
    name: Text = field(default_factory=Text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The whole drawing."""

    units: tuple[Unit, ...]
    flows: tuple[Flow, ...]
    readings: tuple[Reading, ...]
