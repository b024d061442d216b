"""Models that are computed day by day: what a day begins with is kept, its rows are computed when asked for.

A model with fast signals has too many rows to keep them all. Here a day of rows is a function of the day and of the few
numbers that the day before left; those are computed once, from commissioning on, and the tables of the days asked for
last are held.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from vitrine_simulators.noise import Array
from vitrine_simulators.plants.plant import COMMISSIONED, DAY

#: What one day hands to the next.
State = TypeVar("State")
#: Columns by name, each with a row a step from midnight to the next midnight, both included.
Table = dict[str, Array]
#: Tables held at a time: those of a month, which the history of a demo is made of.
_HELD = 32


class Days(Generic[State]):
    """The days of a model; every column is linear between two rows of a day."""

    def __init__(self, run: Callable[[Array, State], tuple[Table, State]], first: State, step_s: float) -> None:
        """`run` gets the instants of a day's rows and what the day before left; `first` is what commissioning left."""
        self._run = run
        self._step_s = step_s
        self._begin = [first]
        self._held: OrderedDict[int, Table] = OrderedDict()

    def at(self, times: Array, counters: dict[str, str]) -> Table:
        """Return every column at some times; ValueError for times before commissioning.

        `counters` names the columns that count, each with the column that is its rate per second: between two rows
        they are the exact integral of that rate.
        """
        day = np.floor((times - COMMISSIONED) / DAY).astype(np.intp)
        if day.min(initial=0) < 0:
            raise ValueError("the plant was not yet commissioned at the earliest of these times")
        found: Table = {}
        for one in np.unique(day):
            chosen = day == one
            table = self._table(int(one))
            position = (times[chosen] - COMMISSIONED - one * DAY) / self._step_s
            row = np.floor(position).astype(np.intp)
            share = position - row
            for name, column in table.items():
                whole = found.setdefault(name, np.empty(len(times)))
                if name in counters:
                    rate = table[counters[name]]
                    mean = rate[row] + share / 2.0 * (rate[row + 1] - rate[row])
                    whole[chosen] = column[row] + mean * share * self._step_s
                else:
                    whole[chosen] = column[row] + share * (column[row + 1] - column[row])
        return found

    def _table(self, day: int) -> Table:
        if day in self._held:
            self._held.move_to_end(day)
            return self._held[day]
        while len(self._begin) <= day:
            self._begin.append(self._run_day(len(self._begin) - 1)[1])
        table, end = self._run_day(day)
        if len(self._begin) == day + 1:
            self._begin.append(end)
        self._held[day] = table
        if len(self._held) > _HELD:
            self._held.popitem(last=False)
        return table

    def _run_day(self, day: int) -> tuple[Table, State]:
        rows = np.arange(round(DAY / self._step_s) + 1, dtype=np.float64)
        times: Array = COMMISSIONED + day * DAY + rows * self._step_s
        return self._run(times, self._begin[day])


def counted(rate: Array, step_s: float, begin: float) -> Array:
    """Return the integral up to each row of a rate per second that is linear between its rows."""
    return begin + np.concatenate(([0.0], np.cumsum((rate[1:] + rate[:-1]) / 2.0 * step_s)))
