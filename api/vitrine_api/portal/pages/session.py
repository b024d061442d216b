"""Signing in and out, and the choice of appearance and language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from vitrine.i18n import LANGUAGES, preferred
from vitrine_api.accounts import sign_in as begin_session
from vitrine_api.accounts import sign_out as end_session
from vitrine_api.portal.paths import PATHS, language_of, path
from vitrine_api.portal.site import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, keep, open_page

router = APIRouter()
Field = Annotated[str, Form()]
SEE_OTHER = 303


def inside(address: str, fallback: str) -> str:
    """Return an address of this site; the fallback where it would lead elsewhere."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if safe and address.isprintable() else fallback


@router.get("/")
async def start(request: Request) -> Response:
    """Lead to the catalogue in the visitor's language."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    asked = preferred(request.headers.get("accept-language", ""))
    language = next((language for language in LANGUAGES if language == chosen), asked)
    headers = {"Vary": "Accept-Language, Cookie", "Cache-Control": "no-cache"}
    return RedirectResponse(path("catalogue", language), 302, headers=headers)


@router.get(PATHS["sign_in"]["fr"])
@router.get(PATHS["sign_in"]["en"])
async def ask(request: Request, next: str = "") -> Response:  # noqa: A002 - the name of the parameter in addresses
    """Show the form, or who is signed in."""
    page = await open_page(request, "sign_in")
    return page.send("sign_in.html", refused=False, login="", next=inside(next, page.url("datasets")))


@router.post(PATHS["sign_in"]["fr"])
@router.post(PATHS["sign_in"]["en"])
async def sign_in(request: Request, login: Field = "", password: Field = "", next: Field = "") -> Response:  # noqa: A002
    """Begin a session and go on to the page that was asked for."""
    language = language_of(request.url.path)
    target = inside(next, path("datasets", language))
    if await begin_session(request, login, password) is None:
        page = await open_page(request, "sign_in")
        return page.send("sign_in.html", status=401, refused=True, login=login, next=target)
    return RedirectResponse(target, SEE_OTHER)


@router.post(PATHS["sign_out"]["fr"])
@router.post(PATHS["sign_out"]["en"])
async def sign_out(request: Request) -> Response:
    """End the session."""
    end_session(request)
    return RedirectResponse(path("catalogue", language_of(request.url.path)), SEE_OTHER)


@router.post(PATHS["appearance"]["fr"])
@router.post(PATHS["appearance"]["en"])
async def appearance(request: Request, theme: Field = "auto", next: Field = "") -> Response:  # noqa: A002
    """Keep the theme for a year and return to the page."""
    target = inside(next, path("catalogue", language_of(request.url.path)))
    response = RedirectResponse(target, SEE_OTHER)
    keep(request, response, THEME_COOKIE, theme if theme in THEMES else "auto")
    return response
