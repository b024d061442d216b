"""What is missing of an installation on one civil day, and why; with a calendar of the last thirty days."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from vitrine_api.database import Connection
from vitrine_api.evidence import events_of, gaps_of
from vitrine_api.portal import data
from vitrine_api.portal.formats import Formats
from vitrine_api.portal.pages.installation import found
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.portal.views.calendar import calendar, days_of, weekdays
from vitrine_api.problems import ApiError
from vitrine_database.events import Event
from vitrine_database.gaps import MOST as TOLD_AT_MOST

router = APIRouter()
#: Rows of each list on the page; the interface gives them all.
MOST = 20


@router.get(PATHS["gaps"]["fr"])
@router.get(PATHS["gaps"]["en"])
async def gaps(request: Request, connection: Connection, slug: str, day: str = "") -> Response:
    """Show what one day lacks."""
    page = await open_page(request, "gaps", slug=slug)
    row = await found(page, connection, slug)
    chosen = _day(day, page.formats)
    channels = await data.channels_of(connection, row["installation_id"])
    history = await page.site.history.series(connection, "month", data.wanted(channels), page.formats.now)
    first, last = page.formats.midnight(chosen), page.formats.midnight(chosen + datetime.timedelta(days=1))
    evidence = await gaps_of(connection, slug, row["installation_id"], first, last)
    events = await events_of(connection, row["installation_id"], first, last)
    names = {channel["path"]: page.of(channel["name"]) or channel["path"] for channel in channels}
    return page.send(
        "gaps.html",
        installation=row,
        name=page.of(row["name"]),
        day=chosen,
        weekdays=weekdays(page.formats),
        calendar=calendar(days_of(history.values(), page.formats), page.formats),
        evidence=evidence,
        shares=[_share(count.received - count.empty, count.expected) for count in evidence.channels],
        silences=evidence.silences[:MOST],
        names=names,
        losses=evidence.losses[:MOST],
        events=[_event(page, event, names) for event in events[:MOST]],
        most=MOST,
        told_at_most=TOLD_AT_MOST,
    )


def _day(said: str, formats: Formats) -> datetime.date:
    today = formats.local(formats.now).date()
    if not said:
        return today
    try:
        day = datetime.date.fromisoformat(said)
    except ValueError as error:
        raise ApiError("day-malformed", 400, value=said) from error
    if day > today:
        raise ApiError("day-malformed", 400, value=said)
    return day


def _share(usable: int, expected: int | None) -> float | None:
    return min(1.0, usable / expected) if expected else None


def _event(page: Page, event: Event, names: Mapping[str, str]) -> dict[str, Any]:
    what = names.get(event.channel, event.channel) or event.device or event.node
    kind = page.t(f"gaps.kind.{event.kind}")
    return {
        "time": event.time,
        "what": what,
        "kind": f"{kind} ({event.field})" if event.field else kind,
        "before": _plain(event.before),
        "after": _plain(event.after),
    }


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(inner)}" for key, inner in value.items() if inner not in (None, ""))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value))
    text = "" if value is None else str(value)
    return f"{text[:12]}…" if len(text) > 40 else text
