"""Health: is the process alive, can it work."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from vitrine.errors import ConfigurationError
from vitrine_api.problems import ApiError
from vitrine_api.rest.requests import problems
from vitrine_database import edition, schema
from vitrine_database.connection import connect

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """The one good state; everything else is a problem."""

    status: Literal["ok"] = "ok"


@router.get("/live")
async def live() -> Health:
    """Tell that the process answers."""
    return Health()


@router.get("/ready", responses={503: problems()[503]})
async def ready(request: Request) -> Health:
    """Tell that the database is reachable and its schema is that of this version; problem 503 otherwise."""
    try:
        current = await asyncio.to_thread(_schema_is_current, request.app.state.settings.database_url)
    except ConfigurationError as error:
        raise ApiError("database-unreachable", 503, headers={"Retry-After": "5"}) from error
    if not current:
        raise ApiError("schema-old", 503)
    return Health()


def _schema_is_current(url: str) -> bool:
    with connect(url, name="vitrine-api health") as connection:
        try:
            schema.check(connection, edition.in_force(connection))
        except ConfigurationError:
            return False
        return True
