"""SunSpec: where a model's points lie, as the model files of pysunspec2 say, wherever a device keeps the model.

Source: SunSpec Device Information Model Specification 1.1: the mark “SunS” at 40000, 0 or 50000, then one model after
another, each with its number and length, up to the number 0xFFFF.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from vitrine.table_reader import TableReader
from vitrine_gateway.profiles.companion import EXPONENTS, Companion

if TYPE_CHECKING:
    from vitrine_gateway.profiles.model import Channel

#: Addresses at which the mark may lie, the usual one first.
BASES = (40000, 0, 50000)
#: “SunS” in two registers.
MARK = (0x5375, 0x6E53)
END = 0xFFFF
#: Length of the common model, number 1, that comes first.
_COMMON = 66
#: Type of a point → our type, and the raw value of a point that the device does not implement.
_TYPES: dict[str, tuple[str, tuple[float, ...]]] = {
    "int16": ("int16", (-0x8000,)),
    "uint16": ("uint16", (0xFFFF,)),
    "enum16": ("uint16", (0xFFFF,)),
    "acc16": ("uint16", (0,)),
    "int32": ("int32", (-0x8000_0000,)),
    "uint32": ("uint32", (0xFFFF_FFFF,)),
    "acc32": ("uint32", (0,)),
    "acc64": ("uint64", (0,)),
    "float32": ("float32", ()),
}
_ORDERS = {1: "AB", 2: "ABCD", 4: "ABCDEFGH"}


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model."""

    #: Registers from the beginning of the model, its number and length included.
    at: int
    size: int
    kind: str
    #: Name of the point with the power of ten, or that power itself.
    factor: str | int | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A model as a device has it."""

    number: int
    #: Address of its number.
    first: int
    #: Registers after number and length.
    length: int


@dataclass(frozen=True, slots=True)
class SunSpecPart:
    """What a profile says of SunSpec: the models that it reads, the one liked best first."""

    models: tuple[int, ...]

    @property
    def usual(self) -> Placed:
        """The first model where most devices keep it: after the mark and the common model."""
        points = points_of(self.models[0]).values()
        return Placed(self.models[0], BASES[0] + 4 + _COMMON, max(one.at + one.size for one in points) - 2)

    def choose(self, found: Iterable[Placed]) -> Placed | None:
        """Return the model to read of those that a device has."""
        there = {one.number: one for one in reversed(list(found))}
        return next((there[number] for number in self.models if number in there), None)

    def layout(self) -> dict[int, int]:
        """Return the registers, by address, that lead to the first model where most devices keep it."""
        usual = self.usual
        end = usual.first + 2 + usual.length
        heads = [*MARK, 1, _COMMON]
        return {
            **{BASES[0] + at: word for at, word in enumerate(heads)},
            usual.first: usual.number,
            usual.first + 1: usual.length,
            end: END,
            end + 1: 0,
        }


@cache
def points_of(number: int) -> Mapping[str, Point]:
    """Return the points of a model by name, of a repeating block the first; KeyError where there is no such model."""
    source = files("sunspec2").joinpath("models", "json", f"model_{number}.json")
    if not source.is_file():
        raise KeyError(number)
    found: dict[str, Point] = {}
    at, model = 0, json.loads(source.read_text(encoding="utf-8"))["group"]
    # Where a second block begins depends on the device
    for point in [*model["points"], *(model.get("groups") or [{"points": []}])[0]["points"]]:
        found.setdefault(point["name"], Point(at, point["size"], point["type"], point.get("sf")))
        at += point["size"]
    return found


def channel_at(channel: Channel, model: Placed) -> Channel | None:
    """Return a channel at the registers of its point; None where the model, or its device, does not have the point."""
    points = points_of(model.number)
    point = points.get(channel.point)
    if point is None or point.kind not in _TYPES or point.at + point.size > model.length + 2:
        return None
    kind, invalid = _TYPES[point.kind]
    address, factor = model.first + point.at, None
    if isinstance(point.factor, str):
        factor = Companion(address=model.first + points[point.factor].at, type="int16", order="AB", good=EXPONENTS)
    power = point.factor if isinstance(point.factor, int) else 0
    first = min(address, factor.address if factor else address)
    return replace(
        channel,
        address=first,
        at=address - first,
        table="holding",
        type=kind,
        order=_ORDERS[point.size],
        invalid=invalid,
        scale=channel.scale * 10.0 ** (power - channel.fixed_power),
        fixed_power=power,
        scale_factor=factor,
    )


def read_sunspec(table: TableReader | None) -> SunSpecPart | None:
    """Read ``[sunspec]``; without models where they are mistaken."""
    if table is None:
        return None
    models = table.take("models", list, required=True)
    table.finish()
    if models is None:
        return SunSpecPart(())
    unknown = [one for one in models if not _is_model(one)]
    if unknown or not models:
        table.note("not-allowed", "models", f"{unknown or models} are no models of SunSpec", "for example [103, 113]")
    return SunSpecPart(tuple(one for one in models if one not in unknown))


def read_point(table: TableReader, part: SunSpecPart) -> str:
    """Read ``point`` of a channel: the name of a number in at least one of the models."""
    name = table.text("point", required=True)
    known = {point: one for number in part.models for point, one in points_of(number).items()}
    if name and part.models and (name not in known or known[name].kind not in _TYPES):
        numbers = [point for point, one in known.items() if one.kind in _TYPES]
        close = get_close_matches(name, numbers, n=3, cutoff=0.4)
        message = f"no model of {list(part.models)} has a number “{name}”"
        table.note("not-allowed", "point", message, f"did you mean {' or '.join(close)}?" if close else "another point")
    return name


def _is_model(number: object) -> bool:
    if not isinstance(number, int) or isinstance(number, bool):
        return False
    try:
        points_of(number)
    except KeyError:
        return False
    return True
