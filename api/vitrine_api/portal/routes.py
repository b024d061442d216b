"""The portal's routes: one router for the application, and the page that tells problems."""

from __future__ import annotations

from fastapi import APIRouter

from vitrine_api.portal.pages import (
    catalogue,
    challenge,
    channel,
    datasets,
    gaps,
    gateways,
    installation,
    method,
    session,
)
from vitrine_api.portal.pages.problem import problem_page

__all__ = ["problem_page", "router"]

router = APIRouter()
for _page in (session, catalogue, installation, channel, challenge, gaps, datasets, gateways, method):
    router.include_router(_page.router)
