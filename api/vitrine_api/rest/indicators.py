"""Indicators and their values."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import BaseModel, Field

from vitrine_api.database import Connection
from vitrine_api.instants import From, To, period
from vitrine_api.problems import ApiError
from vitrine_api.rest.catalogue import Text
from vitrine_api.rest.requests import InstallationId, problems
from vitrine_api.statements import CATALOGUE

router = APIRouter(tags=["indicators"])
#: What is given where no begin is said, and the longest period of one request.
_DEFAULT = {"hour": timedelta(days=7), "day": timedelta(days=30)}
_LIMIT = {"hour": timedelta(days=366), "day": timedelta(days=3660)}


class Indicator(BaseModel):
    """A versioned formula over channels."""

    key: str = Field(examples=["specific-energy"])
    version: int = Field(examples=[1])
    name: Text
    description: Text
    formula: str = Field(examples=["energy / volume"])
    unit: str = Field(examples=["kW.h/m3"])
    decimals: int
    inputs: dict[str, Any] = Field(description="Name in the formula → channel.")
    parameters: dict[str, Any] = Field(description="Name in the formula → value and unit.")
    reference: str


class IndicatorValue(BaseModel):
    """The value of one hour or one UTC day."""

    time: datetime = Field(description="Begin of the hour or day, UTC.")
    value: float | None = Field(description="None where coverage is too low or the formula is not defined.")
    coverage: float = Field(description="Share of minutes with usable values, of the poorest input.", examples=[0.98])
    computed_at: datetime


class IndicatorValues(BaseModel):
    """One indicator over a period of time."""

    key: str = Field(examples=["specific-energy"])
    version: int
    unit: str
    period: Literal["hour", "day"]
    values: list[IndicatorValue]


@router.get("/installations/{slug}/indicators", responses=problems(404))
async def indicators(installation_id: InstallationId, connection: Connection) -> list[Indicator]:
    """List the indicators that the installation file declares."""
    return [Indicator(**row) for row in await _rows(connection, installation_id)]


@router.get("/installations/{slug}/indicators/{key}", responses=problems(404))
async def indicator_values(
    installation_id: InstallationId,
    key: Annotated[str, Path(description="Key of the indicator.", max_length=100)],
    connection: Connection,
    step: Annotated[Literal["hour", "day"], Query(alias="period", description="Length of one value.")] = "day",
    first: From = None,
    last: To = None,
) -> IndicatorValues:
    """Give the values of one indicator.

    Where no begin is said: 7 days of hours, or 30 days; at most 366 days of hours, 3,660 days of days.
    """
    asked = period(first, last, default=_DEFAULT[step], limit=_LIMIT[step])
    rows = await _rows(connection, installation_id)
    found = next((row for row in rows if row["key"] == key), None)
    if found is None:
        raise ApiError("indicator-unknown", 404, key=key, allowed=", ".join(row["key"] for row in rows) or "—")
    parameters = {
        "indicator_id": found["indicator_id"],
        "period": step,
        "first": asked.first,
        "last": asked.last,
    }
    cursor = await connection.execute(CATALOGUE["indicator_values"], parameters)
    values = [IndicatorValue(**row) for row in await cursor.fetchall()]
    return IndicatorValues(key=key, version=found["version"], unit=found["unit"], period=step, values=values)


async def _rows(connection: AsyncConnection[DictRow], installation_id: int) -> list[dict[str, Any]]:
    cursor = await connection.execute(CATALOGUE["indicators"], {"installation_id": installation_id})
    return await cursor.fetchall()
