"""Turns everything that can go wrong in a request into one problem, for programs and for people."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitrine.errors import Problem, VitrineError
from vitrine.logs import logger
from vitrine_api.database import QUERY_LIMIT_S
from vitrine_api.problems import ApiError, problem_response

#: Makes the HTML page of a problem; set by the portal in ``app.state.problem_page``.
ProblemPage = Callable[[Request, ApiError], Awaitable[Response]]
_PROGRAM_PATHS = ("/api/", "/health/")
_HTTP_CODES = {404: "not-found", 405: "method-not-allowed"}
#: Error types of pydantic that have words of their own in ``api.error``.
_KNOWN = {
    "missing": "parameter-missing",
    "extra_forbidden": "parameter-unknown",
    "json_invalid": "body-invalid",
    "instant-invalid": "instant-invalid",
    "instant-without-zone": "instant-without-zone",
}

log = logger("api")


def tell_failures(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ApiError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(PoolTimeout, _unreachable)
    app.add_exception_handler(psycopg.Error, _database)
    app.add_exception_handler(VitrineError, _refused)


class LastResort:
    """ASGI middleware: what nobody expected becomes problem 500; innermost, so that the answer has all headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; where it fails before the answer began, answer in its place."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            # An answer that has begun can only be cut short, so that nobody takes it for whole.
            if begun or scope["type"] != "http":
                raise
            response = await _unexpected(Request(scope, receive), error)
            await response(scope, receive, send)


async def answer(request: Request, problem: ApiError) -> Response:
    """Answer with JSON for programs, with the portal's page for people."""
    page: ProblemPage | None = request.app.state.problem_page
    if page is None or request.url.path.startswith(_PROGRAM_PATHS):
        return problem_response(request, problem)
    # A browser would ask for a password in a window of its own, instead of showing the page that signs in.
    problem.headers.pop("WWW-Authenticate", None)
    try:
        return await page(request, problem)
    except Exception:
        # The page that tells problems has one itself: its plain words are better than none.
        log.exception("problem page failed", code=problem.code, path=request.url.path)
        return problem_response(request, problem)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return await answer(request, error)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, VitrineError)
    return await answer(request, ApiError("refused", 422, errors=error.problems, reason=error.message))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return await answer(request, ApiError("request-invalid", 422, errors=[_problem(item) for item in error.errors()]))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "http")
    problem = ApiError(
        code,
        error.status_code,
        headers=error.headers,
        path=request.url.path,
        method=request.method,
        status_code=error.status_code,
    )
    return await answer(request, problem)


async def _unreachable(request: Request, _error: Exception) -> Response:
    return await answer(request, ApiError("database-unreachable", 503, headers={"Retry-After": "5"}))


async def _database(request: Request, error: Exception) -> Response:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return await answer(request, ApiError("query-too-long", 503, seconds=QUERY_LIMIT_S))
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        log.error("database schema does not fit", path=request.url.path, reason=str(error).splitlines()[0])
        return await answer(request, ApiError("schema-old", 503))
    if isinstance(error, psycopg.OperationalError):
        log.error("database unreachable", path=request.url.path, reason=str(error).splitlines()[0])
        return await _unreachable(request, error)
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("request failed", reference=reference, method=request.method, path=request.url.path, exc_info=error)
    return await answer(request, ApiError("internal", 500, reference=reference))


def _problem(item: dict[str, object]) -> Problem:
    """Word one mistake of a request."""
    location = item["loc"] if isinstance(item["loc"], tuple) else ()
    context = item.get("ctx")
    allowed = str(context.get("allowed") or context.get("expected") or "") if isinstance(context, dict) else ""
    return Problem(
        code=_KNOWN.get(str(item["type"]), "parameter-invalid"),
        message=str(item["msg"]),
        where=str(location[0]) if location else "",
        key=".".join(str(part) for part in location[1:]),
        allowed=allowed or str(item["msg"]),
    )
