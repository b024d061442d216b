"""What the words of the portal mean."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from vitrine_api.portal.paths import PATHS
from vitrine_api.portal.site import open_page

router = APIRouter()


@router.get(PATHS["method"]["fr"])
@router.get(PATHS["method"]["en"])
async def method(request: Request) -> Response:
    """Explain flags, slots, coverage, indicators, time, delivery and datasets."""
    return (await open_page(request, "method")).send("method.html")
