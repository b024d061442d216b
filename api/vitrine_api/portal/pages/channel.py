"""The page of one channel: its curves over an hour, a day and thirty days, and why to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from vitrine_api.database import Connection
from vitrine_api.portal import data
from vitrine_api.portal.history import KEYS
from vitrine_api.portal.pages.installation import curve, found
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.portal.views.values import bound, value_of
from vitrine_api.problems import ApiError

router = APIRouter()
#: Rules that are ranges, and those that are one number, in the order in which they are told.
_RANGES = ("gross_range_fail", "gross_range_suspect")
_NUMBERS = (
    "spike_suspect",
    "spike_fail",
    "rate_of_change_suspect",
    "rate_of_change_fail",
    "flat_line_suspect_s",
    "flat_line_fail_s",
)


@router.get(PATHS["channel"]["fr"])
@router.get(PATHS["channel"]["en"])
async def channel(request: Request, connection: Connection, slug: str, device: str, channel: str) -> Response:
    """Show one channel."""
    page = await open_page(request, "channel", slug=slug, device=device, channel=channel)
    installation = await found(page, connection, slug)
    rows = await data.channels_of(connection, installation["installation_id"])
    row = next((row for row in rows if (row["device"], row["key"]) == (device, channel)), None)
    if row is None:
        known = ", ".join(row["path"] for row in rows) or "0"
        raise ApiError("channel-unknown", 404, channel=f"{device}/{channel}", allowed=known)
    curves = []
    for key in KEYS:
        series = await page.site.history.series(connection, key, data.wanted([row]), page.formats.now)
        item = curve(page, slug, row, series, coarser=False)
        curves.append((key, item | {"title": page.t(f"curves.{key}")}))
    value = value_of(page, slug, row)
    return page.send(
        "channel.html",
        installation=installation,
        name=page.of(installation["name"]),
        channel=row,
        channel_name=value.name,
        value=value,
        curves=curves,
        calibration=_calibration(page, row["calibration"]),
        rules=_rules(page, row),
    )


def _calibration(page: Page, calibration: Mapping[str, Any] | None) -> str:
    if not calibration:
        return ""
    parts = [page.t("channel.calibrated", day=calibration["date"])]
    if calibration.get("due"):
        parts.append(page.t("channel.calibration_due", day=calibration["due"]))
    if calibration.get("certificate"):
        parts.append(page.t("channel.certificate", name=calibration["certificate"]))
    return ", ".join(parts)


def _rules(page: Page, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    rules, f = row["rules"] or {}, page.formats
    told = []
    for key in _RANGES:
        if rules.get(key):
            low, high = (bound(page, limit) for limit in rules[key])
            text = page.t("live.range", low=low, high=high)
            told.append((page.t(f"rule.{key}"), f"{text}\u00a0{f.unit(row['unit'])}".rstrip("\u00a0")))
    for key in _NUMBERS:
        if rules.get(key) is not None:
            seconds = key.endswith("_s")
            text = (
                f.span(rules[key])
                if seconds
                else f"{bound(page, rules[key])}\u00a0{f.unit(row['unit'])}".rstrip("\u00a0")
            )
            told.append((page.t(f"rule.{key}"), text + (page.t("rule.per_second") if "rate" in key else "")))
    return told
