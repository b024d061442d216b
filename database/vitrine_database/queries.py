"""Named queries from `.sql` files, so that no SQL is written in Python.

A query begins with a line ``-- name --`` and a line that says what it is for; parameters are ``%(name)s``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import LiteralString, cast

_HEAD = re.compile(r"^-- ([a-z][a-z0-9_]*) --\n(?:-- .*\n)*", re.MULTILINE)


class Queries(Mapping[str, LiteralString]):
    """The queries of one file of a package, by name."""

    def __init__(self, package: str, path: str) -> None:
        self._place = f"{package}/{path}"
        text = files(package).joinpath(path).read_text(encoding="utf-8")
        self._queries = parse(text, self._place)

    def __getitem__(self, name: str) -> LiteralString:
        try:
            return self._queries[name]
        except KeyError:
            raise KeyError(f"{self._place} has no query “{name}”; it has: {', '.join(sorted(self))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


def parse(text: str, place: str) -> dict[str, LiteralString]:
    """Split the text of a file into its queries; ValueError where a name comes twice or stands over nothing."""
    _, *parts = _HEAD.split(text)
    found: dict[str, LiteralString] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        sql = body.strip().removesuffix(";")
        if name in found or not sql:
            raise ValueError(f"{place}: the query “{name}” {'comes twice' if name in found else 'is empty'}")
        # The files are part of this software, so their text is as safe as a literal in its code.
        found[name] = cast(LiteralString, sql)
    return found
