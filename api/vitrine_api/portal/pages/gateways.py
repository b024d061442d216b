"""The gateways: what can lose measurements now, what waits, what is missing and what was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from starlette.responses import Response

from vitrine_api.database import Connection
from vitrine_api.portal import data
from vitrine_api.portal.charts.rule import across, strokes
from vitrine_api.portal.charts.slots import together
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.portal.views.gateways import described, tasks

router = APIRouter()
_QUARTER = timedelta(minutes=15)


@router.get(PATHS["gateways"]["fr"])
@router.get(PATHS["gateways"]["en"])
async def gateways(request: Request, connection: Connection) -> Response:
    """Show every gateway, the one most in need first."""
    page = await open_page(request, "gateways")
    rows = [described(page, row) for row in await data.gateways_of(connection, page)]
    order = {"mute": 0, "late": 1, "never": 2, "live": 3}
    rows.sort(key=lambda row: (order[row["pulse"].link], row["slug"], row["node"]))
    await _with_rules(page, connection, rows)
    losses = [loss | {"numbers": _numbers(page, loss)} for loss in await data.losses_of(connection, page)]
    return page.send(
        "gateways.html",
        gateways=rows,
        live=sum(row["pulse"].link == "live" for row in rows),
        notes=[task for row in rows for task in tasks(page, row)],
        losses=losses,
        simulated=any(row["simulated"] for row in rows),
    )


async def _with_rules(page: Page, connection: AsyncConnection[DictRow], rows: list[dict[str, Any]]) -> None:
    channels = await data.channels_of_gateways(connection, [row["gateway_id"] for row in rows])
    for row in rows:
        own = [channel for channel in channels if channel["gateway_id"] == row["gateway_id"]]
        series = await page.site.history.series(connection, "day", data.wanted(own), page.formats.now)
        quarters = [
            one.merged(_QUARTER // one.window.slot).slots for one in series.values() if one.window.slot <= _QUARTER
        ]
        length = min((len(slots) for slots in quarters), default=0)
        slots = across([slots[:length] for slots in quarters]) if length else []
        row["rule"] = strokes(slots)
        row["share"] = together(slots).share if slots else 0.0


def _numbers(page: Page, loss: dict[str, Any]) -> str:
    ranges = [
        (part.lower, part.upper - 1) for part in loss["records"] if part.lower is not None and part.upper is not None
    ]
    return "; ".join(
        page.t("live.range", low=page.formats.number(low), high=page.formats.number(high)) for low, high in ranges[:3]
    ) + ("; …" if len(ranges) > 3 else "")
