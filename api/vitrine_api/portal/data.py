"""What pages read from the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from vitrine_api.accounts import visible_to
from vitrine_api.portal.history import Wanted
from vitrine_api.portal.site import Page
from vitrine_database.queries import Queries

QUERIES = Queries("vitrine_api.portal", "queries/pages.sql")
#: How far back reported losses are shown.
LOSSES = timedelta(days=30)


async def _all(connection: AsyncConnection[DictRow], name: str, **values: object) -> list[DictRow]:
    # No text of PostgreSQL holds a NUL, so none of its rows has such a name.
    clean = {key: value.replace("\0", "") if isinstance(value, str) else value for key, value in values.items()}
    return await (await connection.execute(QUERIES[name], clean)).fetchall()


async def installations(connection: AsyncConnection[DictRow], page: Page, slug: str | None = None) -> list[DictRow]:
    """Return the installations that the visitor may see, or the one of that name."""
    return await _all(connection, "installations", slug=slug, **visible_to(page.account))


async def channels_of(connection: AsyncConnection[DictRow], installation_id: int) -> list[DictRow]:
    """Return the channels of an installation with their last values."""
    return await _all(connection, "channels", installation_id=installation_id)


async def gateways_of(
    connection: AsyncConnection[DictRow], page: Page, installation_id: int | None = None
) -> list[DictRow]:
    """Return the gateways of an installation, or all that the visitor may see."""
    since = page.formats.now - LOSSES
    return await _all(connection, "gateways", installation_id=installation_id, since=since, **visible_to(page.account))


async def channels_of_gateways(connection: AsyncConnection[DictRow], gateways: Sequence[int]) -> list[DictRow]:
    """Return which channels each gateway measures."""
    return await _all(connection, "channels_of_gateways", gateways=list(gateways))


async def losses_of(connection: AsyncConnection[DictRow], page: Page) -> list[DictRow]:
    """Return what gateways reported lost in the last thirty days."""
    return await _all(connection, "losses", since=page.formats.now - LOSSES, **visible_to(page.account))


async def indicators_of(connection: AsyncConnection[DictRow], installation_id: int) -> list[DictRow]:
    """Return the indicators in force of an installation."""
    return await _all(connection, "indicators", installation_id=installation_id)


async def indicator_values(
    connection: AsyncConnection[DictRow], indicators: Sequence[int], period: str, first: datetime
) -> dict[int, list[DictRow]]:
    """Return the values of indicators since a time, by indicator."""
    found: dict[int, list[DictRow]] = {}
    for row in await _all(connection, "indicator_values", indicators=list(indicators), period=period, first=first):
        found.setdefault(row["indicator_id"], []).append(row)
    return found


async def latest_indicators(
    connection: AsyncConnection[DictRow], installation_id: int, first: datetime, last: datetime
) -> list[DictRow]:
    """Return the last daily value before a time of each indicator in force."""
    return await _all(connection, "latest_indicators", installation_id=installation_id, first=first, last=last)


async def challenge_of(connection: AsyncConnection[DictRow], installation_id: int) -> DictRow | None:
    """Return the newest challenge of an installation's quality tests, None where there is none."""
    rows = await _all(connection, "challenge", installation_id=installation_id)
    return rows[0] if rows else None


async def datasets_of(
    connection: AsyncConnection[DictRow], page: Page, *, installation_id: int | None = None, slug: str | None = None
) -> list[DictRow]:
    """Return the datasets that the visitor may see, newest first."""
    return await _all(connection, "datasets", installation_id=installation_id, slug=slug, **visible_to(page.account))


def wanted(channels: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """Return what the history needs to know of channels."""
    return [Wanted(row["channel_id"], row["period_s"] or 1.0) for row in channels]
