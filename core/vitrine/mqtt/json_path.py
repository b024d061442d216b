"""Finding a value in a JSON document by a path: ``temperature``, ``sensors[0].value``, ``data."key.with.dot"``.

``$`` is the whole document, for topics that carry a bare number.
"""

from __future__ import annotations

import re
from functools import cache

_STEP = re.compile(r"""\[(\d+)\]|\[?"([^"]*)"\]?|([^.\[\]"]+)""")
ALLOWED = 'names with dots between them, [0] for a place in a list, "…" around a name with dots, or $ for all of it'


class NotThere(Exception):  # noqa: N818  # it says what happened
    """The document does not have the path."""


@cache
def steps_of(path: str) -> tuple[str | int, ...]:
    """Read a path; ValueError where it is none."""
    if path == "$":
        return ()
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        if at and path[at] == ".":
            at += 1
        found = _STEP.match(path, at)
        if found is None or (steps and path[at - 1] != "." and path[at] != "["):
            raise ValueError(f"“{path}” is not a path at its character {at + 1}")
        steps.append(int(found[1]) if found[1] is not None else found[2] if found[2] is not None else found[3])
        at = found.end()
    if not steps or path.endswith("."):
        raise ValueError(f"“{path}” is not a path")
    return tuple(steps)


def value_at(document: object, path: str) -> object:
    """Return what lies at a path; NotThere without such a place."""
    for step in steps_of(path):
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                raise NotThere(path)
            document = document[step]
        else:
            if not isinstance(document, dict) or step not in document:
                raise NotThere(path)
            document = document[step]
    return document
