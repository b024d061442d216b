"""What all pages share: templates, words, the visitor's language and theme, and how a page is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from vitrine.i18n import Language, catalogue, translate
from vitrine.settings import Settings
from vitrine_api.accounts import Account, current_account
from vitrine_api.database import Pool
from vitrine_api.portal.formats import PACKAGE, Formats
from vitrine_api.portal.history import History
from vitrine_api.portal.paths import language_of, path

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
LANGUAGE_COOKIE, THEME_COOKIE = "vitrine_language", "vitrine_theme"
YEAR_S = 365 * 86_400


class Site:
    """The portal of one application: its clock, its history, its templates."""

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self.settings = settings
        self.zone = ZoneInfo(settings.time_zone)
        self.history = History(self.zone, pool)

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


def site_of(request: Request) -> Site:
    """Return the portal of the application that got this request."""
    state = request.app.state
    if not hasattr(state, "portal_site"):
        state.portal_site = Site(state.settings, state.pool)
    site: Site = state.portal_site
    return site


@dataclass(frozen=True, slots=True)
class Page:
    """One answer in the making: whom it is for, in which language, as of when."""

    request: Request
    site: Site
    account: Account | None
    language: Language
    formats: Formats
    #: Name and values of this page's address.
    name: str
    values: Mapping[str, str]

    def t(self, key: str, **words: object) -> str:
        """Return a text of the portal."""
        return translate(PACKAGE, self.language, key, **words)

    def url(self, name: str, **values: str) -> str:
        """Return the address of another page in the same language."""
        return path(name, self.language, **values)

    def of(self, text: Mapping[str, str] | None) -> str:
        """Return the page's language of a text in both; the other one where it is empty."""
        words = text or {}
        other = "en" if self.language == "fr" else "fr"
        return words.get(self.language) or words.get(other) or ""

    @property
    def other_language(self) -> Language:
        """The language that the switch leads to."""
        return "en" if self.language == "fr" else "fr"

    @property
    def other_url(self) -> str:
        """This page in the other language, its filter kept."""
        query = urlencode(list(self.request.query_params.multi_items()))
        return path(self.name, self.other_language, **self.values) + (f"?{query}" if query else "")

    @property
    def here(self) -> str:
        """This page's own address with its query."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def theme(self) -> Theme:
        """The theme that the visitor chose."""
        chosen = self.request.cookies.get(THEME_COOKIE)
        return next((theme for theme in THEMES if theme == chosen), "auto")

    def send(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **words: object
    ) -> Response:
        """Render the page."""
        html = (
            environment()
            .get_template(template)
            .render(page=self, t=self.t, f=self.formats, url=self.url, status=status, **words)
        )
        response = HTMLResponse(html, status, headers={"Cache-Control": "no-cache", **(headers or {})})
        if self.request.cookies.get(LANGUAGE_COOKIE) != self.language:
            keep(self.request, response, LANGUAGE_COOKIE, self.language)
        return response


async def open_page(request: Request, name: str, **values: str) -> Page:
    """Begin an answer, in the language of the address."""
    site, language = site_of(request), language_of(request.url.path)
    formats = Formats(language, site.zone, site.now())
    return Page(request, site, await current_account(request), language, formats, name, values)


def keep(request: Request, response: Response, name: str, value: str) -> None:
    """Remember a choice of the visitor for a year."""
    secure = site_of(request).settings.secure_cookies
    response.set_cookie(name, value, max_age=YEAR_S, samesite="lax", httponly=True, secure=secure)


@cache
def environment() -> Environment:
    """Return the templates; a name that a page forgot to give is an error, not an empty text."""
    made = Environment(
        loader=PackageLoader("vitrine_api.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = asset
    made.globals["zoom"] = files("vitrine_api.portal").joinpath("vendor", "uplot", "uPlot.iife.min.js").is_file()
    made.globals["client_words"] = client_words
    return made


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours that changes when its content does."""
    content = files("vitrine_api.portal").joinpath("static", name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


def client_words(language: Language) -> dict[str, str]:
    """Return the texts that the script needs, for data attributes."""
    return {
        key.removeprefix("client."): text
        for key, text in catalogue(PACKAGE, language).items()
        if key.startswith("client.")
    }
