"""Models that are stepped from commissioning on: their rows, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from vitrine_simulators.noise import Array
from vitrine_simulators.plants.plant import COMMISSIONED

#: Rows are computed so many at a time.
_BLOCK = 512


class Place(NamedTuple):
    """Where some times lie: after the row `step`, by the share `share` of the step to the next one."""

    step: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
    share: Array

    @property
    def last(self) -> int:
        """Return the last row that is needed."""
        return int(self.step.max(initial=0)) + 1


def place(times: Array, step_s: float) -> Place:
    """Return where times lie between rows; ValueError for times before commissioning."""
    position = (times - COMMISSIONED) / step_s
    if position.min(initial=0.0) < 0:
        raise ValueError("the plant was not yet commissioned at the earliest of these times")
    step = np.floor(position)
    return Place(step.astype(np.intp), position - step)


def between(rows: Array, at: Place) -> Array:
    """Return a quantity that is linear between its rows."""
    begin = rows[at.step]
    return np.asarray(begin + at.share * (rows[at.step + 1] - begin), dtype=np.float64)


def counted(rate: Array, step_s: float) -> Array:
    """Return the integral before each row of a rate (per second) that is linear between its rows."""
    return np.concatenate(([0.0], np.cumsum((rate[1:] + rate[:-1]) / 2.0 * step_s)))


def counter(rate: Array, count: Array, at: Place, step_s: float) -> Array:
    """Return the integral of such a rate between two rows; `count` is that of `counted`."""
    begin = rate[at.step]
    now = begin + at.share * (rate[at.step + 1] - begin)
    return np.asarray(count[at.step] + (begin + now) / 2.0 * at.share * step_s, dtype=np.float64)


class Rows:
    """The rows of a recurrence, each computed once, in order, from commissioning on."""

    def __init__(self, rows: Iterator[tuple[float, ...]], names: tuple[str, ...]) -> None:
        self._rows = rows
        self._names = names
        self._table = np.empty((len(names), 0))

    def reach(self, last: int) -> dict[str, Array]:
        """Return the columns, by name, up to a row at least."""
        missing = last + 1 - self._table.shape[1]
        if missing > 0:
            blocks = -(-missing // _BLOCK) * _BLOCK
            more = np.array(list(islice(self._rows, blocks)), dtype=np.float64).T
            self._table = np.concatenate([self._table, more], axis=1)
        return dict(zip(self._names, self._table, strict=True))


def instants(first: int, count: int, step_s: float) -> Array:
    """Return the times of rows."""
    return np.asarray(COMMISSIONED + (first + np.arange(count, dtype=np.float64)) * step_s, dtype=np.float64)
