"""What all routes share: unknown parameters refused, the installation of the path, documented problems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from vitrine.errors import Problem
from vitrine_api.accounts import Account, Visitor, visible_to
from vitrine_api.database import Connection
from vitrine_api.problems import MEDIA_TYPE, ApiError, ProblemBody
from vitrine_api.statements import CATALOGUE

Slug = Annotated[
    str,
    Path(
        description="Short name of the installation.",
        max_length=100,
        openapi_examples={"pilot": {"value": "pilote-uf"}},
    ),
]


def known_parameters(request: Request) -> None:
    """Refuse parameters that the route does not have, instead of ignoring a misspelt one."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = sorted(field.alias for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query))
    unknown = [key for key in dict.fromkeys(request.query_params) if key not in known]
    if unknown:
        errors = [
            Problem(code="parameter-unknown", where="query", key=key, message="unknown", allowed=", ".join(known))
            for key in unknown
        ]
        raise ApiError("request-invalid", 422, errors=errors)


async def installation_row(connection: AsyncConnection[DictRow], slug: str, account: Account | None) -> dict[str, Any]:
    """Return number and organisation of an installation that the visitor may see; problem 404 otherwise."""
    parameters = {"slug": slug.replace("\0", ""), **visible_to(account)}
    row = await (await connection.execute(CATALOGUE["installation_id"], parameters)).fetchone()
    if row is None:
        raise ApiError("installation-unknown", 404, slug=slug)
    return row


async def _installation_id(slug: Slug, connection: Connection, visitor: Visitor) -> int:
    return int((await installation_row(connection, slug, visitor))["installation_id"])


#: Dependency: the number of the installation named in the path.
InstallationId = Annotated[int, Depends(_installation_id, scope="function")]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of the problems that a route may tell, next to those that every route may."""
    words = {
        400: "The body is not text that can be read",
        401: "Login or password wrong, or an account is needed",
        403: "The account may not do this, or the request comes from another site",
        404: "Not found, or not public",
        409: "In conflict with what there is",
        422: "A parameter is wrong, unknown or beyond a limit",
        429: "Too many attempts",
        503: "Database unreachable, or a limit of this server is reached",
    }
    return {
        status: {
            "description": words[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}}},
        }
        for status in (400, 401, 422, 429, 503, *statuses)
    }
