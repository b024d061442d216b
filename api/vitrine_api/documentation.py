"""The description of the interface (OpenAPI) and its page, which needs no foreign origin."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse, Response

from vitrine import __version__
from vitrine_api.headers import DOCUMENTATION_POLICY
from vitrine_api.problems import ProblemBody

router = APIRouter(prefix="/api", include_in_schema=False)

_DESCRIPTION = """\
Measurements, indicators, delivery and datasets of test benches and showcases of clean technologies.

- Times are UTC, ISO 8601; write them with their zone (`Z`).
- Every error is an `application/problem+json` with a stable `code`, in French or English (`Accept-Language`).
- A parameter that a route does not have is refused, not ignored.
- What is public needs no account. For the rest, sign in to the portal, or send login and password (HTTP Basic).
"""
_TAGS = [
    {"name": "catalogue", "description": "Installations, channels, gateways."},
    {"name": "measurements", "description": "Values over a period, last values, live values."},
    {"name": "indicators", "description": "Formulas over channels and their values."},
    {"name": "datasets", "description": "Packages that can be checked and recomputed offline."},
    {"name": "health", "description": "For monitoring."},
]
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vitrine API</title>
<link rel="stylesheet" href="/vendor/swagger-ui/swagger-ui.css">
<script src="/vendor/swagger-ui/swagger-ui-bundle.js" defer></script>
<script src="/api/docs.js" defer></script>
</head>
<body>
<main id="documentation"><noscript><p><a href="/api/openapi.json">OpenAPI</a></p></noscript></main>
</body>
</html>
"""
_SCRIPT = """\
"use strict";
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
});
"""


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Describe the interface."""
    return JSONResponse(request.app.openapi(), headers={"Cache-Control": "no-cache"})


@router.get("/docs")
async def page() -> Response:
    """Show the description."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": DOCUMENTATION_POLICY})


@router.get("/docs.js")
async def script() -> Response:
    """Start the page; a file of its own, because inline scripts are forbidden everywhere."""
    return Response(_SCRIPT, media_type="text/javascript")


def describe(app: FastAPI) -> None:
    """Make `app.openapi` give our description."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _schema(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title="Vitrine", version=__version__, description=_DESCRIPTION, routes=app.routes, tags=_TAGS)
    components = schema["components"]["schemas"]
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    components.update(problem.pop("$defs", {}))
    components[ProblemBody.__name__] = problem
    # FastAPI's own form of a refused request is never sent.
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    schema["components"]["securitySchemes"] = {"account": {"type": "http", "scheme": "basic"}}
    return schema
