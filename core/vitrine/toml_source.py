"""Line numbers of a TOML text's keys, which the standard parser does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A place in a TOML document: names of keys and positions in arrays.
Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_STRING = re.compile(
    r"""
    \"{3} (?:\\.|[^\\])*? \"{3} | '{3} .*? '{3} | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table header and key of a valid TOML text.

    Keys of inline tables are found too. Arrays of tables count from 0, as in the parsed document.
    """
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        header = _HEADER.match(line)
        if header:
            table = _enter(_names(header[2]), counts, array=header[1] == "[[")
            found[table] = number
            continue
        key = _KEY.match(line)
        if key:
            _index_value(line[key.end() :], number, table + tuple(_names(key[1])), found)
    return found


def dotted(path: Path) -> str:
    """Write a path as people read it: ``device[2].connection.port``, arrays counted from 1."""
    parts = ""
    for step in path:
        parts += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if parts else step
    return parts


def line_of(lines: dict[Path, int], path: Path) -> int:
    """Return the line of a path, or of the nearest table that holds it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _names(dotted_key: str) -> list[str]:
    return [match.strip("\"' ") for match in re.findall(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""", dotted_key)]


def _enter(names: list[str], counts: dict[Path, int], *, array: bool) -> Path:
    path: Path = ()
    for position, name in enumerate(names):
        path += (name,)
        if array and position == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
            for below in [other for other in counts if other[: len(path)] == path and other != path]:
                if below[len(path)] == counts[path]:
                    del counts[below]
        if path in counts:
            path += (counts[path],)
    return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, statement) where a statement that goes over several lines is one string, its comments taken out."""
    pending, start, depth = "", 0, 0
    blanked = _STRING.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), text)
    for number, (line, shape) in enumerate(zip(text.split("\n"), blanked.split("\n"), strict=True), start=1):
        cut = shape.find("#")
        line, shape = (line[:cut], shape[:cut]) if cut >= 0 else (line, shape)
        if not pending:
            start = number
            if not shape.strip().strip("_"):  # inside a text of several lines
                continue
            if _HEADER.match(shape):
                yield number, line
                continue
        pending += line + "\n"
        depth += sum(map(shape.count, "[{")) - sum(map(shape.count, "]}"))
        if depth <= 0:
            if pending.strip():
                yield start, pending
            pending, depth = "", 0


def _index_value(text: str, number: int, path: Path, found: dict[Path, int]) -> None:
    """Note a key and, where its value is an inline table, the keys inside."""
    found[path] = number
    if not text.lstrip().startswith("{"):
        return
    inner = text[text.index("{") + 1 :]
    line, depth, at = number + text[: text.index("{")].count("\n"), 0, 0
    while at < len(inner):
        string = _STRING.match(inner, at)
        if depth == 0 and (key := _KEY.match(inner, at)):
            here = line + inner[at : key.start(1)].count("\n")
            names = _names(key[1])
            line += inner[at : key.end()].count("\n")
            _index_value(inner[key.end() :], here, path + tuple(names), found)
            at = key.end()
            continue
        if string:
            line += string[0].count("\n")
            at = string.end()
            continue
        char = inner[at]
        depth += (char in "[{") - (char in "]}")
        line += char == "\n"
        if depth < 0:
            return
        at += 1
