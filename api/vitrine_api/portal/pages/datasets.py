"""Datasets: the list, one dataset with its progress and download, and the order to build another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from vitrine.i18n import LANGUAGES, Language, catalogue
from vitrine_api.builds import NAME_PATTERN, BuildOrder, order_build
from vitrine_api.database import Connection
from vitrine_api.instants import period
from vitrine_api.portal import data
from vitrine_api.portal.formats import Formats
from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import Page, open_page
from vitrine_api.problems import ApiError
from vitrine_api.rest.datasets import LIMIT

router = APIRouter()
Field = Annotated[str, Form()]
SEE_OTHER = 303
#: Days that the form offers at first.
OFFERED = timedelta(days=7)
#: Years that a period may lie in.
FIRST_YEAR, LAST_YEAR = 1990, 2150


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form holds."""

    installation: str
    first: str
    last: str
    name: str = ""


@router.get(PATHS["datasets"]["fr"])
@router.get(PATHS["datasets"]["en"])
async def datasets(request: Request, connection: Connection, installation: str = "") -> Response:
    """List the datasets, of all installations or of one, and offer to build another."""
    page = await open_page(request, "datasets")
    today = page.formats.local(page.formats.now).date()
    asked = Asked(installation, (today - OFFERED).isoformat(), (today - timedelta(days=1)).isoformat())
    return await _list(page, connection, asked, installation)


async def _list(
    page: Page, connection: Connection, asked: Asked, chosen: str = "", problem: str = "", status: int = 200
) -> Response:
    rows = await data.installations(connection, page)
    one = next((row["installation_id"] for row in rows if row["slug"] == chosen), None)
    found = await data.datasets_of(connection, page, installation_id=one)
    return page.send(
        "datasets.html",
        status=status,
        datasets=found,
        chosen=chosen if one is not None else "",
        installations=[(row["slug"], page.of(row["name"])) for row in rows],
        form=asked,
        problem=problem,
        simulated=any(row["simulated"] for row in rows),
    )


@router.post(PATHS["datasets"]["fr"])
@router.post(PATHS["datasets"]["en"])
async def build(
    request: Request,
    connection: Connection,
    installation: Field = "",
    first: Field = "",
    last: Field = "",
    name: Field = "",
) -> Response:
    """Order a dataset and lead to its page, where its progress is seen."""
    page = await open_page(request, "datasets")
    asked = Asked(installation, first, last, name)
    if page.account is None:
        return RedirectResponse(page.url("sign_in"), SEE_OTHER)
    try:
        order = _order(page, asked, await data.installations(connection, page, installation))
        slug = await order_build(connection, page.site.settings, page.account, order)
    except ValueError:
        return await _list(page, connection, asked, problem=page.t("datasets.date_invalid"), status=422)
    except ApiError as error:
        if error.status >= 500:
            raise
        return await _list(page, connection, asked, problem=error.told(page.language, "detail"), status=error.status)
    return RedirectResponse(page.url("dataset", slug=slug), SEE_OTHER)


def _order(page: Page, asked: Asked, rows: Sequence[Mapping[str, Any]]) -> BuildOrder:
    if not rows:
        raise ApiError("installation-unknown", 404, slug=asked.installation)
    begin, end = _midnight(page, asked.first), _midnight(page, asked.last, days=1)
    title = asked.name.strip()
    name = short_name(title) or f"{asked.first}-{asked.last}"
    titles = {str(language): title or _title(page, language, asked) for language in LANGUAGES}
    return BuildOrder(
        installation_id=rows[0]["installation_id"],
        installation=rows[0]["slug"],
        organisation=rows[0]["organisation"],
        name=name,
        title=titles,
        period=period(begin, end, default=OFFERED, limit=LIMIT),
    )


def _title(page: Page, language: Language, asked: Asked) -> str:
    formats = Formats(language, page.formats.zone, page.formats.now)
    days = (formats.prose_day(date.fromisoformat(day)) for day in (asked.first, asked.last))
    return " – ".join(days)


def short_name(title: str) -> str:
    """Turn a title into the last part of a slug: « Été 2026 » becomes ``ete-2026``."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]
    return name if re.fullmatch(NAME_PATTERN, name) else ""


def _midnight(page: Page, day: str, days: int = 0) -> datetime:
    """Return when a civil day begins, in UTC; ValueError where it is none."""
    chosen = date.fromisoformat(day)
    if not FIRST_YEAR <= chosen.year <= LAST_YEAR:
        raise ValueError(f"the year {chosen.year} is out of all reason")
    chosen += timedelta(days=days)
    return datetime(chosen.year, chosen.month, chosen.day, tzinfo=page.site.zone).astimezone(UTC)


@router.get(PATHS["dataset"]["fr"])
@router.get(PATHS["dataset"]["en"])
async def dataset(request: Request, connection: Connection, slug: str) -> Response:
    """Show one dataset: its state, its progress while it is built, its file and how to verify it."""
    page = await open_page(request, "dataset", slug=slug)
    rows = await data.datasets_of(connection, page, slug=slug)
    if not rows:
        raise ApiError("dataset-unknown", 404, slug=slug)
    row = rows[0]
    stages = _stages(page)
    return page.send(
        "dataset.html",
        dataset=row,
        title=page.of(row["title"]) or row["slug"],
        installation_name=page.of(row["installation_name"]),
        building=row["build"] in ("queued", "running"),
        stage=stages.get(row["stage"], row["stage"]),
        stages=stages,
        download=f"/api/v1/datasets/{row['slug']}/download",
    )


def _stages(page: Page) -> dict[str, str]:
    """Return the words of the build's stages."""
    words = catalogue("vitrine_evaluation", page.language)
    return {key.removeprefix("stage."): text for key, text in words.items() if key.startswith("stage.")}
