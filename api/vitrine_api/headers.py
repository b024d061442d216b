"""Security headers on every answer, and the refusal of form posts that come from other sites."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrine_api.problems import ApiError, problem_response

POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
#: The documentation page draws its icons from data: addresses and sets styles by script.
DOCUMENTATION_POLICY = f"{POLICY}; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class SecurityHeaders:
    """ASGI middleware: what a browser may do with our pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Referrer-Policy", "same-origin")
                headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
                headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
            await send(message)

        await self.app(scope, receive, with_headers)


class SameOrigin:
    """ASGI middleware: a request that changes something must come from our own pages, or carry its own password."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with problem 403."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and not _trusted(Headers(scope=scope)):
            response = problem_response(Request(scope), ApiError("origin-refused", 403))
            await response(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _trusted(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin") or headers.get("referer")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host", "")
    # No browser leaves out all three; a program proves itself with a password, not with a cookie.
    return "authorization" in headers
