"""The picture of a challenge: a lane for each channel, its faults above and its flags below, and found by test.

Places are in percent of the drawing's width, so the portal and a file draw the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

#: Least width of a mark, so that one that lasts seconds is seen in a week.
LEAST = 0.45
#: Ticks that a time axis has at most.
_TICKS = 8

FaultState = Literal["found", "missed", "hidden"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault's stretch of time."""

    x: float
    width: float
    kind: str
    state: FaultState


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stretch of flagged values."""

    x: float
    width: float
    tests: Sequence[str]
    false: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel; `row` is its part of the result, with the counts."""

    row: Mapping[str, Any]
    faults: list[Fault]
    alarms: list[Alarm]


@dataclass(frozen=True, slots=True)
class Cell:
    """How many of the visible faults of a kind one test found."""

    test: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class KindRow:
    """One kind of fault; `row` is its part of the result."""

    row: Mapping[str, Any]
    share: float
    cells: list[Cell]


def lanes(result: Mapping[str, Any]) -> list[Lane]:
    """Return a lane for each channel, in the order of the file; two that are swapped both show it."""
    axis = _Axis(result)
    swapped = [one for row in result["channels"] for one in row["truth"] if one["kind"] == "swapped"]
    return [
        Lane(
            row,
            [
                Fault(*axis.span(one), one["kind"], _state(one))
                for one in [*row["truth"], *(one for one in swapped if one["parameters"]["other"] == row["path"])]
            ],
            [Alarm(*axis.span(one), one["tests"], one["false"]) for one in row["alarms"]],
        )
        for row in result["channels"]
    ]


def ticks(result: Mapping[str, Any]) -> list[tuple[float, datetime]]:
    """Return the days of the axis, with their places."""
    axis = _Axis(result)
    days = max(1, round(axis.length / 86_400.0))
    step = timedelta(days=max(1, -(-days // _TICKS)))
    found, at = [], axis.begin
    while at < axis.end:
        found.append((axis.place(at), at))
        at += step
    return found


def matrix(result: Mapping[str, Any]) -> list[KindRow]:
    """Return kinds by tests: how many of the visible faults each test found."""
    tests = [row["test"] for row in result["tests"]]
    return [KindRow(row, _share(row["found"], row), [_cell(test, row) for test in tests]) for row in result["kinds"]]


def _cell(test: str, row: Mapping[str, Any]) -> Cell:
    count = int(row["by_test"].get(test, 0))
    return Cell(test, count, _share(count, row))


def _share(count: int, row: Mapping[str, Any]) -> float:
    return count / row["visible"] if row["visible"] else 0.0


def _state(fault: Mapping[str, Any]) -> FaultState:
    if not fault["visible"]:
        return "hidden"
    return "found" if fault["found_by"] else "missed"


class _Axis:
    """The period of a result."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self.begin, self.end = (datetime.fromisoformat(result[key]) for key in ("begin", "end"))
        self.length = (self.end - self.begin).total_seconds()

    def place(self, at: datetime) -> float:
        return round(100.0 * (at - self.begin).total_seconds() / self.length, 3)

    def span(self, one: Mapping[str, Any]) -> tuple[float, float]:
        first, last = (self.place(datetime.fromisoformat(one[key])) for key in ("begin", "end"))
        width = max(LEAST, round(last - first, 3))
        return max(0.0, min(first, 100.0 - width)), width
