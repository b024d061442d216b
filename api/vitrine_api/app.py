"""The application: what it is made of, and what it opens and closes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from vitrine import __version__
from vitrine.settings import Settings
from vitrine_api import documentation, health
from vitrine_api.attempts import Attempts
from vitrine_api.database import make_pool
from vitrine_api.export import ExportSlots
from vitrine_api.failures import LastResort, tell_failures
from vitrine_api.headers import SameOrigin, SecurityHeaders
from vitrine_api.live import LiveValues
from vitrine_api.portal import routes as portal
from vitrine_api.rest import catalogue, datasets, evidence, indicators, live, measurements
from vitrine_api.rest.requests import known_parameters
from vitrine_api.secret_key import secret_key

#: A session ends twelve hours after it began.
SESSION_S = 12 * 3600


def create_app(settings: Settings) -> FastAPI:
    """Build the application; nothing is opened before it starts."""
    app = FastAPI(
        title="Vitrine", version=__version__, lifespan=_lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.state.settings = settings
    app.state.pool = make_pool(settings.database_url)
    app.state.attempts = Attempts()
    app.state.problem_page = getattr(portal, "problem_page", None)
    app.state.exports = ExportSlots()
    app.state.live = LiveValues(app.state.pool)
    tell_failures(app)
    for room in (catalogue, measurements, live, indicators, evidence, datasets):
        app.include_router(room.router, prefix="/api/v1", dependencies=[Depends(known_parameters)])
    app.include_router(health.router)
    app.include_router(documentation.router)
    app.include_router(portal.router, include_in_schema=False)
    documentation.describe(app)
    _mount(app)
    # The last one added sees a request first.
    app.add_middleware(LastResort)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(
        SessionMiddleware,
        secret_key=secret_key(settings),
        session_cookie="vitrine_session",
        max_age=SESSION_S,
        same_site="lax",
        https_only=settings.secure_cookies,
    )
    app.add_middleware(SameOrigin)
    app.add_middleware(SecurityHeaders)
    return app


def _mount(app: FastAPI) -> None:
    """Serve the portal's own files, and those that the build fetched."""
    portal_folder = str(files("vitrine_api.portal"))
    app.mount("/static", StaticFiles(directory=f"{portal_folder}/static", check_dir=False), name="static")
    app.mount("/vendor", StaticFiles(directory=f"{portal_folder}/vendor", check_dir=False), name="vendor")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await app.state.pool.open()  # does not wait: without a database the application answers and says so
    try:
        yield
    finally:
        app.state.live.stop()
        await app.state.pool.close()
