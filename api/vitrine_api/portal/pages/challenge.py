"""The page that says how well an installation's quality tests find labelled faults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from vitrine.i18n import catalogue
from vitrine_api.database import Connection
from vitrine_api.portal import data
from vitrine_api.portal.charts.challenge import lanes, matrix, ticks
from vitrine_api.portal.formats import PACKAGE
from vitrine_api.portal.pages.installation import found
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.problems import ApiError

router = APIRouter()


@router.get(PATHS["challenge"]["fr"])
@router.get(PATHS["challenge"]["en"])
async def challenge(request: Request, connection: Connection, slug: str) -> Response:
    """Show the newest challenge of one installation."""
    page = await open_page(request, "challenge", slug=slug)
    installation = await found(page, connection, slug)
    row = await data.challenge_of(connection, installation["installation_id"])
    if row is None:
        raise ApiError("challenge-missing", 404, slug=slug)
    result = row["result"]
    return page.send(
        "challenge.html",
        installation=installation,
        name=page.of(installation["name"]),
        row=row,
        result=result,
        begin=datetime.fromisoformat(result["begin"]),
        lanes=lanes(result),
        ticks=ticks(result),
        kinds=matrix(result),
        kind=lambda key: _word(page, "challenge.kind", key),
        test=lambda key: _word(page, "test", key),
        delay=lambda part: _delay(page, part),
        instant=datetime.fromisoformat,
    )


def _word(page: Page, group: str, key: str) -> str:
    """Return the name of a kind or a test; a kind that this portal does not know keeps its key."""
    name = f"{group}.{key}"
    return page.t(name) if name in catalogue(PACKAGE, page.language) else key


def _delay(page: Page, part: Mapping[str, Any]) -> str:
    seconds = part["median_delay_s"]
    return "" if seconds is None else page.formats.span(seconds)
