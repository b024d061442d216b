"""Durations as people write them: ``1 s``, ``10 min``, ``1 h``, ``30 d``."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")

#: What a duration may look like, for messages.
ALLOWED = "a number and a unit: ms, s, min, h or d, for example “10 s”"


def seconds(text: str) -> float:
    """Return the duration in seconds; ValueError where `text` is none or is not positive."""
    match = _FORM.fullmatch(text.strip())
    value = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if value <= 0:
        raise ValueError(f"“{text}” is not a duration")
    return value
