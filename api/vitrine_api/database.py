"""The pool of database connections, and the connection that a request is given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from vitrine_api.problems import ApiError

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
#: Seconds that a request waits for a free connection before it is told that the database cannot be reached.
PATIENCE_S = 5.0
#: Longest query of a request in seconds; exports have connections of their own and no such limit.
QUERY_LIMIT_S = 15


def make_pool(url: str) -> Pool:
    """Return a closed pool of autocommitting connections in UTC whose rows are dictionaries."""
    options: dict[str, Any] = {
        "autocommit": True,
        "row_factory": dict_row,
        "application_name": "vitrine-api",
        "options": f"-c timezone=UTC -c statement_timeout={QUERY_LIMIT_S}s",
    }
    return AsyncConnectionPool(
        url, kwargs=options, min_size=1, max_size=8, timeout=PATIENCE_S, open=False, name="vitrine-api"
    )


@asynccontextmanager
async def lend(pool: Pool) -> AsyncIterator[AsyncConnection[DictRow]]:
    """Lend a connection of the pool; problem 503 where none is to be had."""
    try:
        lent = await pool.getconn()
    except PoolTimeout as error:
        raise ApiError("database-unreachable", 503, headers={"Retry-After": "5"}) from error
    try:
        yield lent
    finally:
        await pool.putconn(lent)


async def _connection(request: Request) -> AsyncIterator[AsyncConnection[DictRow]]:
    async with lend(request.app.state.pool) as lent:
        yield lent


#: Dependency of a route: an asynchronous connection, autocommit, UTC, rows as dictionaries.
Connection = Annotated[AsyncConnection[DictRow], Depends(_connection, scope="function")]
