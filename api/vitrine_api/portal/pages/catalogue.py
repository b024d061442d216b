"""The catalogue: every installation, what it measures now, and whether it is alive."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from starlette.responses import Response

from vitrine.installation import DOMAINS, KINDS
from vitrine_api.database import Connection
from vitrine_api.portal.charts.figure import by_day
from vitrine_api.portal.charts.rule import strokes
from vitrine_api.portal.charts.slots import Slot, together
from vitrine_api.portal.data import channels_of, installations, latest_indicators, wanted
from vitrine_api.portal.liveness import is_stale, pulse
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page

router = APIRouter()


@router.get(PATHS["catalogue"]["fr"])
@router.get(PATHS["catalogue"]["en"])
async def catalogue(
    request: Request, connection: Connection, q: str = "", domain: str = "", kind: str = ""
) -> Response:
    """Show the installations that fit the filter, by domain."""
    page = await open_page(request, "catalogue")
    rows = await installations(connection, page)
    asked = {"q": q.strip(), "domain": domain if domain in DOMAINS else "", "kind": kind if kind in KINDS else ""}
    cards = [await _card(page, connection, row) for row in rows if _fits(row, asked)]
    return page.send(
        "catalogue.html",
        counts=_counts(rows, page),
        asked=asked,
        asked_words=_asked_words(page, asked),
        drops=_drops(page, asked),
        domains=DOMAINS,
        kinds=KINDS,
        total=len(rows),
        groups=_groups(cards),
        simulated=any(row["simulated"] for row in rows),
    )


def _fits(row: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    if (asked["domain"] and row["domain"] != asked["domain"]) or (asked["kind"] and row["kind"] != asked["kind"]):
        return False
    texts = [*row["name"].values(), *row["description"].values()]
    words = " ".join([*texts, row["organisation_name"], row["municipality"], row["slug"]])
    return all(part in _plain(words) for part in _plain(asked["q"]).split())


def _plain(text: str) -> str:
    """Return the text without accents and capitals, so that « equipe » finds « Équipe »."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _counts(rows: Sequence[Mapping[str, Any]], page: Page) -> list[tuple[str, int]]:
    live = sum(not is_stale(row["newest_time"], row["period_s"], page.formats.now) for row in rows)
    return [
        ("installations", len(rows)),
        ("live", live),
        ("channels", sum(row["channels"] for row in rows)),
        ("datasets", sum(row["datasets"] for row in rows)),
    ]


def _asked_words(page: Page, asked: Mapping[str, str]) -> str:
    words = (
        [
            f"« {asked['q']} »".replace("« ", "«\u00a0").replace(" »", "\u00a0»")
            if page.language == "fr"
            else f"“{asked['q']}”"
        ]
        if asked["q"]
        else []
    )
    words += [page.t(f"domain.{asked['domain']}")] if asked["domain"] else []
    words += [page.t(f"kind.{asked['kind']}_many")] if asked["kind"] else []
    return ", ".join(words)


def _drops(page: Page, asked: Mapping[str, str]) -> list[tuple[str, str]]:
    """Offer to drop one term of the filter."""
    found = []
    for key, value in asked.items():
        if value:
            rest = {name: text for name, text in asked.items() if text and name != key}
            address = page.url("catalogue") + (f"?{urlencode(rest)}" if rest else "")
            found.append((page.t(f"catalogue.drop_{key}"), address))
    return found


def _groups(cards: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    groups = [(domain, [card for card in cards if card["domain"] == domain]) for domain in DOMAINS]
    groups.append(("unknown", [card for card in cards if card["domain"] not in DOMAINS]))
    return [(domain, found) for domain, found in groups if found]


async def _card(page: Page, connection: AsyncConnection[DictRow], row: Mapping[str, Any]) -> dict[str, Any]:
    channels = await channels_of(connection, row["installation_id"])
    series = await page.site.history.series(connection, "month", wanted(channels), page.formats.now)
    days: dict[str, list[Slot]] = {}
    for one in series.values():
        for start, slot in by_day(one, page.formats):
            days.setdefault(page.formats.day(start), []).append(slot)
    slots = [together(found) for found in days.values()]
    return {
        **row,
        "name": page.of(row["name"]),
        "description": page.of(row["description"]),
        "pulse": pulse(row["online"], row["newest_time"], row["period_s"], page.formats.now),
        "newest": _newest(page, channels),
        "indicator": await _indicator(page, connection, row["installation_id"]),
        "rule": strokes(slots),
        "share": together(slots).share if slots else 0.0,
    }


def _newest(page: Page, channels: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Show the value of the first channel that has one."""
    for channel in channels:
        if channel["value"] is not None:
            return {
                "value": page.formats.number(channel["value"], channel["decimals"]),
                "unit": page.formats.unit(channel["unit"]),
                "name": page.of(channel["name"]),
                "stale": is_stale(channel["time"], channel["period_s"], page.formats.now),
            }
    return None


async def _indicator(page: Page, connection: AsyncConnection[DictRow], installation_id: int) -> dict[str, Any] | None:
    """Show the first indicator's last whole day."""
    f = page.formats
    today = f.now.replace(hour=0, minute=0, second=0, microsecond=0)
    for item in await latest_indicators(connection, installation_id, today - timedelta(days=30), today):
        if item["value"] is not None:
            day = page.t("indicators.on_day", day=item["bucket"].date().isoformat())
            return {
                "name": page.of(item["name"]),
                "value": f.number(item["value"], item["decimals"]),
                "unit": f.unit(item["unit"]),
                "when": f"{day}, {page.t('indicators.coverage', share=f.percent(item['coverage']))}",
            }
    return None
