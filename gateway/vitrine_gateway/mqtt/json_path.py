"""Finding a number in a JSON document by a dotted path: ``temperature``, ``sensors[0].value``."""

from __future__ import annotations

import math
import re

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class NotThere(Exception):  # noqa: N818  # it says what happened
    """The document does not have the path."""


def number_at(document: object, path: str) -> float | None:
    """Return the number at a path; None where null, a text or NaN is in its place; NotThere without such a place."""
    for step in _STEP.finditer(path):
        document = _enter(document, step)
    if isinstance(document, bool) or not isinstance(document, (int, float, str)):
        return None
    try:
        value = float(document)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _enter(document: object, step: re.Match[str]) -> object:
    if step[1] is not None:
        position = int(step[1])
        if not isinstance(document, list) or position >= len(document):
            raise NotThere(step.string)
        return document[position]
    if not isinstance(document, dict) or step[2] not in document:
        raise NotThere(step.string)
    return document[step[2]]
