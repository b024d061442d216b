"""What a package is made of, read from the database as of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row
from psycopg.types.multirange import Multirange

from vitrine.ranges import Ranges
from vitrine_database.connection import connect
from vitrine_database.edition import in_force
from vitrine_database.schema import applied
from vitrine_evaluation.dataset.request import SQL, Row, get
from vitrine_evaluation.definitions import Channel, Definition, definitions


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything of a package but the observations themselves."""

    dataset: Row
    installation: Row
    channels: list[Row]
    changes: list[Row]
    overrides: list[Row]
    delivery: list[Row]
    losses: list[Row]
    time_sources: list[Row]
    definitions: list[Definition]
    #: Steps of the schema that the database has taken.
    migrations: list[str]
    edition: str

    def devices(self) -> dict[str, list[Row]]:
        """Return the channels of each instrument."""
        found: dict[str, list[Row]] = {}
        for channel in self.channels:
            found.setdefault(str(channel["device"]), []).append(channel)
        return found


@contextmanager
def snapshot(url: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """Open a connection whose reads are of one moment, and the name by which another one can share it."""
    with connect(url, name="vitrine dataset") as connection, connection.transaction():
        connection.execute(SQL["isolation"])
        row = connection.execute(SQL["snapshot"]).fetchone()
        assert row is not None
        yield connection, str(row[0])


def read(connection: psycopg.Connection, dataset_id: int) -> Contents:
    """Read all that a package states beside its observations."""
    dataset = get(connection, dataset_id)
    span = {
        "installation": dataset["installation_id"],
        "first": dataset["first_time"],
        "last": dataset["last_time"],
    }
    channels = _rows(connection, "channels", span)
    known = {
        row["path"]: Channel(row["channel_id"], row["path"], row["unit"], row["period_s"] or 0.0) for row in channels
    }
    return Contents(
        dataset=dataset,
        installation=_rows(connection, "installation_by_id", span)[0],
        channels=channels,
        changes=_rows(connection, "channel_changes", span),
        overrides=_rows(connection, "overrides", span),
        delivery=_rows(connection, "delivery", span),
        losses=_rows(connection, "losses", span),
        time_sources=_rows(connection, "time_sources", span),
        definitions=definitions(connection, dataset["installation_id"], known),
        migrations=sorted(applied(connection)),
        edition=str(in_force(connection)),
    )


def ranges(records: Multirange[int]) -> Ranges:
    """Return record numbers as sets are written everywhere in Vitrine: 1-500,502."""
    found = Ranges()
    for part in records:
        assert part.lower is not None
        assert part.upper is not None
        found.add(part.lower, part.upper - 1)
    return found


def _rows(connection: psycopg.Connection, query: str, values: dict[str, object]) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(SQL[query], values).fetchall()
