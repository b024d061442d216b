"""Installations, channels, gateways and completeness."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from vitrine.quality import names
from vitrine_api.accounts import Visitor, visible_to
from vitrine_api.database import Connection
from vitrine_api.instants import From, Period, To, period
from vitrine_api.problems import ApiError
from vitrine_api.rest.requests import InstallationId, Slug, problems
from vitrine_api.statements import CATALOGUE

router = APIRouter(tags=["catalogue"])
#: Longest period for which completeness is counted in one request.
COMPLETENESS_LIMIT = timedelta(days=92)


class Text(BaseModel):
    """A text in both languages."""

    fr: str = Field(examples=["Pilote d’ultrafiltration"])
    en: str = Field(examples=["Ultrafiltration pilot"])


class Installation(BaseModel):
    """One demonstration site."""

    slug: str = Field(examples=["pilote-uf"])
    kind: Literal["test_bench", "showcase"] | None = None
    domain: Literal["water", "residual_materials", "energy_efficiency", "renewable_energy"] | None = None
    name: Text
    description: Text
    organisation: str = Field(examples=["eau-claire"])
    organisation_name: str
    municipality: str
    latitude: float | None
    longitude: float | None
    licence: str = Field(examples=["CC-BY-4.0"])
    simulated: bool = Field(description="True where a simulator makes the values.")
    public: bool
    file_sha256: str | None = Field(description="SHA-256 of the installation file in force.")
    applied_at: datetime | None
    channels: int = Field(description="Number of channels.", examples=[9])
    last_time: datetime | None = Field(description="Time of the newest value.")


class Channel(BaseModel):
    """One measured quantity of one device."""

    channel_id: int = Field(examples=[1])
    installation: str = Field(examples=["pilote-uf"])
    gateway: str = Field(examples=["pi-uf-01"])
    device: str = Field(examples=["feed-flow"])
    profile: str = Field(examples=["siemens-mag6000"])
    key: str = Field(examples=["flow"])
    path: str = Field(description="device/channel, unique within the installation.", examples=["feed-flow/flow"])
    name: Text
    unit: str = Field(description="UCUM code.", examples=["m3/h"])
    quantity: str
    decimals: int = Field(examples=[2])
    period_s: float | None = Field(description="Seconds between two expected values.", examples=[1.0])
    accuracy: str = Field(examples=["0.4 % of reading"])
    calibration: dict[str, Any] | None
    rules: dict[str, Any] = Field(description="Rules of the quality tests in force.")


class Latest(BaseModel):
    """The last value of one channel."""

    channel_id: int = Field(examples=[1])
    path: str = Field(examples=["feed-flow/flow"])
    unit: str = Field(examples=["m3/h"])
    decimals: int = Field(examples=[2])
    period_s: float | None
    time: datetime
    value: float | None = Field(examples=[5.21])
    quality: Literal[1, 2, 3, 4, 9] = Field(description="QARTOD: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing")
    tests: list[str] = Field(description="Tests that the value did not pass.", examples=[["gross_range"]])
    received_at: datetime


class DeviceHealth(BaseModel):
    """How one instrument answers, as its gateway told it last, at most once a minute."""

    success: float | None = Field(None, description="Share of the requests answered since the report before.")
    latency_ms: float | None = Field(None, description="Round trip of a request.")
    breaker: str | None = Field(None, description="closed; open: left alone for a while after failures; half-open.")
    missed_slots: int | None = Field(None, description="Readings left out since the report before.")


class DeviceState(BaseModel):
    """One instrument as its gateway sees it."""

    key: str
    profile: str
    online: bool
    changed_at: datetime | None
    health: DeviceHealth | None = Field(description="None where the gateway tells nothing of it.")


class Loss(BaseModel):
    """Records that a gateway had to drop, and said so."""

    records: list[tuple[int, int]] = Field(description="First and last number of each range.")
    first_time: datetime
    last_time: datetime
    reason: str
    reported_at: datetime


class Delivery(BaseModel):
    """Numbered records of the queue in use: what arrived, what has still to come, what is lost."""

    epoch: str = Field(description="Identity of the gateway's queue.")
    held: list[tuple[int, int]] = Field(description="Ranges of record numbers in the database.", examples=[[[1, 5000]]])
    missing: list[tuple[int, int]] = Field(description="Holes: numbers that are neither held nor reported lost.")
    lost: list[tuple[int, int]] = Field(description="Ranges that the gateway reported lost.")
    repeated: int = Field(description="Records that came again and were not written again.")


class Gateway(BaseModel):
    """State of one gateway."""

    node: str = Field(examples=["pi-uf-01"])
    online: bool
    born_at: datetime | None
    died_at: datetime | None
    seen_at: datetime | None
    software: str | None
    file_sha256: str | None
    queue_depth: int | None = Field(description="Records that wait on the gateway's disk.")
    queue_bytes: int | None
    oldest_unsent_s: float | None
    clock_source: str | None
    clock_offset_ms: float | None
    devices_failing: dict[str, Any] = Field(description="Device and reason.")
    devices: list[DeviceState]
    delivery: Delivery | None = Field(description="None for an edge node that does not number its records.")
    losses: list[Loss] = Field(description="The last hundred.")


class CompleteDay(BaseModel):
    """How complete one channel was on one UTC day, in minutes (or in periods longer than that)."""

    path: str = Field(examples=["feed-flow/flow"])
    day: date
    good: int = Field(description="Minutes with at least one value of quality 1 or 2.", examples=[1431])
    received: int = Field(description="Minutes with any value.", examples=[1438])
    expected: int = Field(description="Minutes of the day that are past.", examples=[1440])


@router.get("/installations", responses=problems())
async def installations(
    connection: Connection,
    visitor: Visitor,
    kind: Annotated[Literal["test_bench", "showcase"] | None, Query(description="Only this kind.")] = None,
    domain: Annotated[
        Literal["water", "residual_materials", "energy_efficiency", "renewable_energy"] | None,
        Query(description="Only this domain."),
    ] = None,
) -> list[Installation]:
    """List the installations: what is demonstrated where."""
    parameters = {"kind": kind, "domain": domain, "slug": None, **visible_to(visitor)}
    cursor = await connection.execute(CATALOGUE["installations"], parameters)
    return [Installation(**row) for row in await cursor.fetchall()]


@router.get("/installations/{slug}", responses=problems(404))
async def installation(slug: Slug, connection: Connection, visitor: Visitor) -> Installation:
    """Describe one installation."""
    parameters = {"kind": None, "domain": None, "slug": slug.replace("\0", ""), **visible_to(visitor)}
    row = await (await connection.execute(CATALOGUE["installations"], parameters)).fetchone()
    if row is None:
        raise ApiError("installation-unknown", 404, slug=slug)
    return Installation(**row)


@router.get("/installations/{slug}/channels", responses=problems(404))
async def channels(installation_id: InstallationId, connection: Connection, visitor: Visitor) -> list[Channel]:
    """List the channels of an installation."""
    parameters = {"installation_id": installation_id, "channel_id": None, **visible_to(visitor)}
    cursor = await connection.execute(CATALOGUE["channels"], parameters)
    return [Channel(**row) for row in await cursor.fetchall()]


@router.get("/channels/{channel_id}", responses=problems(404))
async def channel(
    channel_id: Annotated[int, Path(ge=1, le=2**31 - 1, openapi_examples={"first": {"value": 1}})],
    connection: Connection,
    visitor: Visitor,
) -> Channel:
    """Describe one channel."""
    parameters = {"installation_id": None, "channel_id": channel_id, **visible_to(visitor)}
    row = await (await connection.execute(CATALOGUE["channels"], parameters)).fetchone()
    if row is None:
        raise ApiError("channel-number-unknown", 404, channel_id=channel_id)
    return Channel(**row)


@router.get("/installations/{slug}/latest", responses=problems(404))
async def latest(installation_id: InstallationId, connection: Connection) -> list[Latest]:
    """Give the last value of each channel."""
    cursor = await connection.execute(CATALOGUE["latest"], {"installation_id": installation_id})
    return [Latest(**{**row, "tests": names(row["tests"])}) for row in await cursor.fetchall()]


@router.get("/installations/{slug}/gateways", responses=problems(404))
async def gateways(installation_id: InstallationId, connection: Connection) -> list[Gateway]:
    """Give the state of each gateway: what it still holds, what has not arrived, what it lost and why."""
    cursor = await connection.execute(CATALOGUE["gateways"], {"installation_id": installation_id})
    return [_gateway(row) for row in await cursor.fetchall()]


@router.get("/installations/{slug}/completeness", responses=problems(404))
async def completeness(
    installation_id: InstallationId, connection: Connection, first: From = None, last: To = None
) -> list[CompleteDay]:
    """Count, per channel and UTC day, minutes with good values against minutes expected; seven days where none is said.

    The period is widened to whole UTC days; at most 92 days.
    """
    asked = period(first, last, default=timedelta(days=6), limit=COMPLETENESS_LIMIT)
    days = _whole_days(asked)
    parameters = {"installation_id": installation_id, "first": days.first, "last": days.last}
    cursor = await connection.execute(CATALOGUE["completeness"], parameters)
    return [CompleteDay(**row) for row in await cursor.fetchall()]


def _whole_days(asked: Period) -> Period:
    def midnight(instant: datetime) -> datetime:
        return instant.replace(hour=0, minute=0, second=0, microsecond=0)

    last = midnight(asked.last)
    return Period(midnight(asked.first), last if last == asked.last else last + timedelta(days=1))


def _gateway(row: dict[str, Any]) -> Gateway:
    losses = [{**loss, "records": ranges(loss["records"])} for loss in row["losses"] or []]
    delivery = None
    if row["held"] is not None:
        parts = {name: ranges(row[name]) for name in ("held", "missing", "lost")}
        delivery = Delivery(epoch=str(row["epoch"]), repeated=row["repeated"], **parts)
    values = {**row, "devices": row["devices"] or [], "losses": losses, "delivery": delivery}
    return Gateway(**values)


def ranges(multirange: str | None) -> list[tuple[int, int]]:
    """Read PostgreSQL's ``{[1,501),[502,503)}`` as first and last numbers, both included."""
    pairs = re.findall(r"\[(\d+),(\d+)\)", multirange or "")
    return [(int(first), int(end) - 1) for first, end in pairs]
