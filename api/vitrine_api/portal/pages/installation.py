"""The page of one installation: alive or not, values now, curves, indicators, quality, completeness, gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from starlette.responses import Response

from vitrine_api.database import Connection
from vitrine_api.portal import data
from vitrine_api.portal.charts.figure import figure
from vitrine_api.portal.charts.rule import across, strokes
from vitrine_api.portal.charts.slots import Series, together
from vitrine_api.portal.history import KEYS, Key
from vitrine_api.portal.liveness import pulse
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.portal.views import indicators as indicator_views
from vitrine_api.portal.views.calendar import calendar, days_of, weekdays
from vitrine_api.portal.views.gateways import described
from vitrine_api.portal.views.process import drawing
from vitrine_api.portal.views.quality import quality_table
from vitrine_api.portal.views.values import notes, value_of
from vitrine_api.problems import ApiError

router = APIRouter()
#: Curves on the page; every channel has a page of its own.
CURVES = 6
#: Slots of the history that make one slot of the page's curves, so that the page stays small.
_COARSER: Mapping[Key, int] = {"hour": 1, "day": 3, "month": 6}
_RESOLUTION: Mapping[Key, str] = {"hour": "raw", "day": "1min", "month": "1h"}


async def found(page: Page, connection: AsyncConnection[DictRow], slug: str) -> DictRow:
    """Return the installation of that name; problem 404 where the visitor sees none."""
    rows = await data.installations(connection, page, slug)
    if not rows:
        raise ApiError("installation-unknown", 404, slug=slug)
    return rows[0]


@router.get(PATHS["installation"]["fr"])
@router.get(PATHS["installation"]["en"])
async def installation(request: Request, connection: Connection, slug: str, period: str = "day") -> Response:
    """Show everything that is known of one installation now."""
    page = await open_page(request, "installation", slug=slug)
    row = await found(page, connection, slug)
    window: Key = next((key for key in KEYS if key == period), "day")
    channels = await data.channels_of(connection, row["installation_id"])
    gateways = await data.gateways_of(connection, page, row["installation_id"])
    indicators = await data.indicators_of(connection, row["installation_id"])
    wanted = data.wanted(channels)
    needed: set[Key] = {"day", "month", window}
    history = {key: await page.site.history.series(connection, key, wanted, page.formats.now) for key in needed}
    values = [value_of(page, slug, channel) for channel in channels]
    chosen = main_channels(channels, indicators)
    return page.send(
        "installation.html",
        installation=row,
        name=page.of(row["name"]),
        description=page.of(row["description"]),
        facts=_facts(page, row),
        **_pulse(page, row, history["day"]),
        drawing=drawing(row["process"], channels, values, page.of),
        notes=notes(page, values),
        values=values,
        window=window,
        curves=[curve(page, slug, channel, history[window], coarser=True) for channel in chosen],
        others=[(v.href, v.name) for v in values if v.channel_id not in {c["channel_id"] for c in chosen}],
        indicators=await _indicators(page, connection, indicators),
        quality=[
            quality_table(page, channels, history["day"], "day", first=True),
            quality_table(page, channels, history["month"], "month", first=False),
        ],
        challenged=await data.challenge_of(connection, row["installation_id"]) is not None,
        weekdays=weekdays(page.formats),
        calendar=calendar(days_of(history["month"].values(), page.formats), page.formats),
        gateways=[described(page, gateway) for gateway in gateways],
        datasets=await data.datasets_of(connection, page, installation_id=row["installation_id"]),
    )


def main_channels(channels: Sequence[DictRow], indicators: Sequence[Mapping[str, Any]]) -> list[DictRow]:
    """Return the channels whose curves the page shows: those that indicators use first."""
    used = {path for row in indicators for path in (row["inputs"] or {}).values()}
    ranked = sorted(channels, key=lambda channel: channel["path"] not in used)
    chosen = {channel["channel_id"] for channel in ranked[:CURVES]}
    return [channel for channel in channels if channel["channel_id"] in chosen]


def curve(
    page: Page, slug: str, channel: Mapping[str, Any], series: Mapping[int, Series], *, coarser: bool
) -> dict[str, Any]:
    """Prepare the chart of one channel."""
    f, t = page.formats, page.t
    one = series[channel["channel_id"]]
    key: Key = next(key for key in KEYS if key == one.window.key)
    if coarser and one.window.slot < _COARSER[key] * _smallest(key):
        one = one.merged(_COARSER[key])
    made = figure(f"c{channel['channel_id']}-{key}", one, f)
    unit = f.unit(channel["unit"])
    span = f.span(one.window.slot.total_seconds())
    parts = [unit, t("chart.means", span=span), t("chart.zone", zone=f.zone_name(one.window.last))]
    if not made.curve.scale.from_zero:
        parts.append(t("chart.begins", value=f.number(made.curve.scale.low, made.curve.scale.decimals)))
    if made.curve.bands:
        parts.append(t("chart.band"))
    return {
        "figure": made,
        "title": page.of(channel["name"]) or channel["path"],
        "href": page.url("channel", slug=slug, device=channel["device"], channel=channel["key"]) if coarser else "",
        "unit": unit,
        "decimals": channel["decimals"],
        "sub": ", ".join(part for part in parts if part),
        "desc": _desc(page, channel, one),
        "csv": export(slug, channel["path"], one, _RESOLUTION[key], "csv"),
        "json": export(slug, channel["path"], one, "raw" if key == "hour" else _RESOLUTION[key], "json"),
    }


def _smallest(key: Key) -> timedelta:
    return {"hour": timedelta(minutes=1), "day": timedelta(minutes=5), "month": timedelta(hours=1)}[key]


def export(slug: str, path: str, series: Series, resolution: str, form: str) -> str:
    """Return the address of the values that a chart shows."""
    cut = series.window
    query = {
        "channel": path,
        "from": cut.first.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "to": cut.last.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resolution": resolution,
        "format": form,
    }
    return f"/api/v1/installations/{slug}/measurements?{urlencode(query)}"


def _desc(page: Page, channel: Mapping[str, Any], series: Series) -> str:
    f, t = page.formats, page.t
    total = series.total()
    if total.low is None or total.high is None:
        return t("chart.desc_none")
    low = f.quantity(total.low, channel["decimals"], channel["unit"])
    high = f.quantity(total.high, channel["decimals"], channel["unit"])
    return t("chart.desc", low=low, high=high, share=f.percent(total.share))


def _facts(page: Page, row: Mapping[str, Any]) -> list[str]:
    kind = page.t(f"kind.{row['kind']}") if row["kind"] else ""
    return [fact for fact in (kind, row["organisation_name"], row["municipality"], row["licence"]) if fact]


def _pulse(page: Page, row: Mapping[str, Any], day: Mapping[int, Series]) -> dict[str, Any]:
    f = page.formats
    quarters = [
        series.merged(max(1, timedelta(minutes=15) // series.window.slot)).slots
        for series in day.values()
        if series.window.slot <= timedelta(minutes=15)
    ]
    length = min((len(slots) for slots in quarters), default=0)
    slots = across([slots[:length] for slots in quarters]) if length else []
    total = together(slots) if slots else None
    flags = [slot.flag for slot in slots]
    label = page.t(
        "installation.rule_label",
        share=f.percent(total.share if total else 0.0),
        suspect=flags.count(3),
        fail=flags.count(4),
        missing=flags.count(9),
    )
    first = next((series.window.first for series in day.values()), f.now - timedelta(days=1))
    return {
        "pulse": pulse(row["online"], row["newest_time"], row["period_s"], f.now),
        "rule": strokes(slots),
        "rule_label": label,
        "rule_first": first,
        "rule_share": total.share if total else 0.0,
    }


async def _indicators(
    page: Page, connection: AsyncConnection[DictRow], rows: Sequence[Mapping[str, Any]]
) -> list[indicator_views.Shown]:
    now = page.formats.now
    ids = [row["indicator_id"] for row in rows]
    hours = await data.indicator_values(connection, ids, "hour", now - timedelta(days=2))
    days = await data.indicator_values(connection, ids, "day", now - timedelta(days=indicator_views.DAYS + 2))
    return [
        indicator_views.shown(page, row, hours.get(row["indicator_id"], []), days.get(row["indicator_id"], []))
        for row in rows
    ]
