"""What is missing of an installation and what was changed, read for its portal page and its routes alike."""

from __future__ import annotations

from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from vitrine_database.events import EVENTS, Event
from vitrine_database.evidence import Gaps
from vitrine_database.gaps import QUERIES, SQL, assembled, parameters


async def gaps_of(
    connection: AsyncConnection[DictRow], slug: str, installation_id: int, first: datetime, last: datetime
) -> Gaps:
    """Return what is missing from `first` to before `last`."""
    span = parameters(installation_id, first, last)
    rows = {query: await (await connection.execute(SQL[query], span)).fetchall() for query in QUERIES}
    return assembled(slug, span, rows)


async def events_of(
    connection: AsyncConnection[DictRow], installation_id: int, first: datetime, last: datetime
) -> list[Event]:
    """Return what was changed from `first` to before `last`, in its order."""
    cursor = await connection.execute(EVENTS, parameters(installation_id, first, last))
    return [Event(**row) for row in await cursor.fetchall()]
