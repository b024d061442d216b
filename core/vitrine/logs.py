"""Structured logs: one line an event, English keys, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Literal

# structlog loads rich, 6 MB of memory, for coloured tracebacks that are not used here; without it, it does as well.
_rich = sys.modules.get("rich")
sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _rich is None:
        del sys.modules["rich"]
    else:
        sys.modules["rich"] = _rich


def set_up(*, style: Literal["console", "json"] | str = "console", level: str = "info") -> None:
    """Send the logs of this process to standard error, as coloured lines or as JSON."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=32, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def logger(room: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a room; its events carry the room's name."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=room)
    return bound
