"""Measurements of channels over a period: CSV, JSON or Parquet, streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vitrine_api.accounts import Visitor, visible_to
from vitrine_api.copying import CopyProducer
from vitrine_api.database import Connection
from vitrine_api.export import (
    Export,
    ExportedChannel,
    ExportResponse,
    ExportSlots,
    Format,
    Order,
    Producer,
    Resolution,
    file_name,
)
from vitrine_api.instants import From, To, period
from vitrine_api.parquet import ParquetProducer
from vitrine_api.problems import ApiError
from vitrine_api.rest.requests import InstallationId, Slug, problems
from vitrine_api.statements import CATALOGUE

router = APIRouter(tags=["measurements"])
#: Limits of one request.
CHANNELS_LIMIT = 50
PERIOD_LIMIT = {
    "raw": timedelta(days=366),
    "1min": timedelta(days=366),
    "1h": timedelta(days=3660),
    "1d": timedelta(days=36600),
}
_CSV = "time,channel,value,quality,tests\n2026-11-23T14:00:00Z,feed-flow/flow,5.21,1,0\n"
_JSON = {
    "installation": "pilote-uf",
    "resolution": "raw",
    "from": "2026-11-23T14:00:00Z",
    "to": "2026-11-23T15:00:00Z",
    "series": [
        {
            "channel": "feed-flow/flow",
            "unit": "m3/h",
            "columns": ["time", "value", "quality", "tests"],
            "rows": [["2026-11-23T14:00:00Z", 5.21, 1, 0]],
        }
    ],
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The values, channel by channel in order of time. A transfer that breaks off is not whole.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
            "application/json": {"schema": {"type": "object"}, "example": _JSON},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    **problems(404),
}

Channels = Annotated[
    list[str],
    Query(
        alias="channel",
        description=f"Channel as device/channel; may come again, up to {CHANNELS_LIMIT} times. None: all channels.",
        openapi_examples={"one": {"value": ["feed-flow/flow"]}},
    ),
]
Step = Annotated[
    Resolution,
    Query(
        alias="resolution",
        description="raw: every value; 1min, 1h, 1d: statistics over good values. At most 366 days of raw and 1min, "
        "3,660 of 1h.",
    ),
]
Form = Annotated[Format, Query(alias="format", description="csv, json or parquet.")]


@router.get("/installations/{slug}/measurements", response_class=Response, responses=_ANSWERS)
async def measurements(
    request: Request,
    slug: Slug,
    installation_id: InstallationId,
    connection: Connection,
    visitor: Visitor,
    channel: Channels = [],  # noqa: B006  # FastAPI copies it
    first: From = None,
    last: To = None,
    resolution: Step = "raw",
    form: Form = "json",
) -> Response:
    """Give the values of channels in a period; the last 24 hours where no begin is said.

    Columns of `raw`: time, value, quality (QARTOD), tests (a bit per test not passed). Columns of the others: time
    (begin), mean, min, max, last over values of quality 1 and 2, count of all values, count of good ones.
    """
    asked = period(first, last, default=timedelta(days=1), limit=PERIOD_LIMIT[resolution])
    parameters = {"installation_id": installation_id, "channel_id": None, **visible_to(visitor)}
    rows = await (await connection.execute(CATALOGUE["channels"], parameters)).fetchall()
    order = Order(slug, _chosen(rows, channel), asked, resolution)
    export = await _begin(request, order, form)
    return ExportResponse(export, form, file_name(order, form))


def _chosen(rows: Sequence[dict[str, Any]], paths: Sequence[str]) -> list[ExportedChannel]:
    """Return the channels asked for, in their order; every channel where none was named."""
    known = {row["path"]: ExportedChannel(row["channel_id"], row["path"], row["unit"]) for row in rows}
    wanted = list(dict.fromkeys(paths)) if paths else list(known)
    unknown = [path for path in wanted if path not in known]
    if unknown:
        raise ApiError("channel-unknown", 404, channel=unknown[0], allowed=", ".join(known) or "—")
    if len(wanted) > CHANNELS_LIMIT:
        raise ApiError("too-many-channels", 422, count=len(wanted), limit=CHANNELS_LIMIT)
    return [known[path] for path in wanted]


async def _begin(request: Request, order: Order, form: Format) -> Export:
    slots: ExportSlots = request.app.state.exports
    url: str = request.app.state.settings.database_url
    slots.take()
    try:
        producer: Producer = await asyncio.to_thread(_producer, url, order, form)
    except BaseException as error:
        slots.free()
        if isinstance(error, psycopg.OperationalError):
            raise ApiError("database-unreachable", 503, headers={"Retry-After": "5"}) from error
        raise
    export = Export(producer, slots)
    try:
        await export.begin()
    except BaseException:
        await export.close()
        raise
    return export


def _producer(url: str, order: Order, form: Format) -> Producer:
    return ParquetProducer(url, order) if form == "parquet" else CopyProducer(url, order, form)
