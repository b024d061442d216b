"""The page of a problem: what was asked, what is known, what comes nearest, and the same in the other language."""

from __future__ import annotations

import secrets
from difflib import get_close_matches

import psycopg
from fastapi import Request
from starlette.responses import Response

from vitrine.i18n import LANGUAGES, Language, preferred
from vitrine_api.database import lend
from vitrine_api.portal import data
from vitrine_api.portal.formats import Formats
from vitrine_api.portal.paths import language_of
from vitrine_api.portal.site import LANGUAGE_COOKIE, Page, open_page, site_of
from vitrine_api.problems import ApiError


async def problem_page(request: Request, problem: ApiError) -> Response:
    """Answer a person's request that failed; it needs no database itself."""
    page = await _page(request, problem)
    near = await _near(page, problem) if problem.status == 404 else []
    return page.send(
        "problem.html",
        status=problem.status,
        headers=problem.headers,
        title=problem.told(page.language, "title"),
        detail=problem.told(page.language, "detail"),
        hint=problem.told(page.language, "hint") if problem.status != 404 else page.t("problem.not_found_hint"),
        other_title=_sentence(problem.told(page.other_language, "title")),
        other_detail=problem.told(page.other_language, "detail"),
        other_hint="" if problem.status == 404 else problem.told(page.other_language, "hint"),
        errors=problem.problems,
        near=near,
        searchable=problem.status == 404,
        asked=_asked(request),
        reference=problem.values.get("reference") or f"VIT-{problem.status}-{secrets.token_hex(2).upper()}",
    )


async def _page(request: Request, problem: ApiError) -> Page:
    if problem.status >= 500:
        # The database may be what failed: nobody is looked up.
        request.state.account = None
    if not request.url.path.startswith(("/fr", "/en")):
        chosen = request.cookies.get(LANGUAGE_COOKIE) or preferred(request.headers.get("accept-language", ""))
        language: Language = next((language for language in LANGUAGES if language == chosen), "fr")
        site = site_of(request)
        return Page(request, site, None, language, Formats(language, site.zone, site.now()), "catalogue", {})
    page = await open_page(request, "catalogue")
    assert page.language == language_of(request.url.path)
    return page


def _sentence(title: str) -> str:
    return title if title.endswith((".", "!", "?")) else f"{title}."


def _asked(request: Request) -> str:
    return request.url.path.rstrip("/").rpartition("/")[2]


async def _near(page: Page, problem: ApiError) -> list[tuple[str, str, str]]:
    """Name the installations and datasets whose names come nearest to what was asked, then the catalogue."""
    asked = _asked(page.request)
    try:
        async with lend(page.request.app.state.pool) as connection:
            rows = await data.installations(connection, page)
            sets = await data.datasets_of(connection, page)
    except (ApiError, psycopg.Error):
        return []
    names = {row["slug"]: (page.url("installation", slug=row["slug"]), page.of(row["name"])) for row in rows}
    names |= {row["slug"]: (page.url("dataset", slug=row["slug"]), page.of(row["title"])) for row in sets}
    close = get_close_matches(asked, names, n=3, cutoff=0.5)
    found = [(*names[slug], names[slug][0]) for slug in close]
    total = page.t("problem.installations_one" if len(rows) == 1 else "problem.installations", count=len(rows))
    return [*found, (page.url("catalogue"), page.t("problem.catalogue"), total)]
