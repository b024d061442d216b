"""The route of live values."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from vitrine_api.live import LiveValues
from vitrine_api.rest.requests import InstallationId, problems

router = APIRouter(tags=["measurements"])
_EXAMPLE = """\
event: latest
data: {"channel_id": 1, "path": "feed-flow/flow", "time": "2026-11-23T14:32:07.120000Z", "value": 5.21, \
"quality": 1, "tests": [], "received_at": "2026-11-23T14:32:07.480000Z"}

"""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A stream of events `latest`, one a channel: all at once, then each new value within 2 s.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    **problems(404),
}


@router.get("/installations/{slug}/live", response_class=Response, responses=_ANSWERS)
async def live(request: Request, installation_id: InstallationId) -> Response:
    """Send the last value of each channel, and then every new one, as server-sent events."""
    values: LiveValues = request.app.state.live
    values.check()
    # X-Accel-Buffering: nginx would otherwise hold events back.
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return _Stream(values.events(installation_id), headers)


class _Stream(StreamingResponse):
    """Server-sent events; the listener is forgotten at once when its browser goes."""

    def __init__(self, events: AsyncGenerator[bytes], headers: dict[str, str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one side has enough."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()
