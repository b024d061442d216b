"""Indicators as the database holds them: their definitions, and the formulas ready to compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row

from vitrine.errors import Problem
from vitrine.installation import Indicator
from vitrine_database.queries import Queries
from vitrine_evaluation.declarations import indicator_of
from vitrine_evaluation.formula import Formula, examine

SQL = Queries("vitrine_evaluation", "queries/indicators.sql")


@dataclass(frozen=True, slots=True)
class Channel:
    """What a formula needs of a channel."""

    channel_id: int
    path: str
    unit: str
    #: Seconds between two values that the channel promises; 0 where that is not known.
    period_s: float


@dataclass(frozen=True, slots=True)
class Definition:
    """An indicator of the catalogue; without a formula where that has mistakes."""

    indicator_id: int
    indicator: Indicator
    formula: Formula | None
    problems: Sequence[Problem]

    def channels(self, known: Mapping[str, Channel]) -> dict[str, Channel]:
        """Return the channel of each input."""
        return {name: known[path] for name, path in self.indicator.inputs.items()}


def channels(connection: psycopg.Connection, installation: int) -> dict[str, Channel]:
    """Return the channels of an installation by their path."""
    rows = connection.execute(SQL["channels"], {"installation": installation}).fetchall()
    return {row[1]: Channel(*row) for row in rows}


def definitions(connection: psycopg.Connection, installation: int, known: Mapping[str, Channel]) -> list[Definition]:
    """Return the indicators in force, each checked against the channels there are."""
    units = {path: channel.unit for path, channel in known.items()}
    found = []
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(SQL["definitions"], {"installation": installation}):
            indicator = indicator_of(row)
            formula, problems = examine(indicator, units)
            found.append(Definition(row["indicator_id"], indicator, formula, problems))
    return found
