"""Reading a TOML table key by key, gathering every mistake instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeVar

from vitrine.durations import ALLOWED as DURATION_ALLOWED
from vitrine.durations import seconds
from vitrine.errors import Problem
from vitrine.toml_source import Path, dotted, line_of

T = TypeVar("T")

_TYPE_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    date: "a date such as 2026-03-02",
}


class Problems(list[Problem]):
    """The mistakes of one file, in the order of its lines when sorted."""

    def __init__(self, where: str, lines: Mapping[Path, int]) -> None:
        super().__init__()
        self.where = where
        self.lines = dict(lines)

    def note(self, code: str, path: Path, message: str, allowed: str = "") -> None:
        """Add a mistake at a path of the file."""
        line = line_of(self.lines, path)
        problem = Problem(code=code, message=message, where=self.where, line=line, key=dotted(path), allowed=allowed)
        if problem not in self:
            self.append(problem)


class TableReader:
    """One table of a file: take its keys, then `finish`, which names those that nobody took."""

    def __init__(self, table: Mapping[str, Any], path: Path, problems: Problems) -> None:
        self._table = table
        self._known: set[str] = set()
        self.path = path
        self.problems = problems

    def note(self, code: str, key: str, message: str, allowed: str = "") -> None:
        """Add a mistake at one key of this table."""
        self.problems.note(code, (*self.path, key), message, allowed)

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self._table

    def take(self, key: str, kind: type[T], *, required: bool = False) -> T | None:
        """Take a value of one type; a missing or wrong one is noted and None."""
        self._known.add(key)
        if key not in self._table:
            if required:
                self.note("missing-key", key, f"“{key}” is missing", f"{_TYPE_WORDS[kind]} is needed")
            return None
        value = self._table[key]
        fits = isinstance(value, (int, float) if kind is float else kind) and not (
            isinstance(value, bool) and kind is not bool
        )
        if not fits:
            self.note("wrong-type", key, f"“{value}” is not {_TYPE_WORDS[kind]}", f"{_TYPE_WORDS[kind]} is needed")
            return None
        return kind(value) if kind is float else value  # type: ignore[call-arg]  # float("1") of an int

    def raw(self, key: str) -> object:
        """Take a value of whatever type, which the caller judges; None where it is missing."""
        self._known.add(key)
        return self._table.get(key)

    def text(self, key: str, *, required: bool = False) -> str:
        """Take a text that is not empty, or ''."""
        value = self.take(key, str, required=required)
        if value is not None and not value.strip():
            self.note("empty", key, f"“{key}” is empty")
        return (value or "").strip()

    def number(
        self,
        key: str,
        *,
        low: float | None = None,
        high: float | None = None,
        default: float = 0.0,
        required: bool = False,
    ) -> float:
        """Take a number within limits, or the default."""
        value = self.take(key, float, required=required)
        if value is None:
            return default
        return value if self._within(key, value, low, high) else default

    def integer(
        self, key: str, *, low: int | None = None, high: int | None = None, default: int = 0, required: bool = False
    ) -> int:
        """Take a whole number within limits, or the default."""
        value = self.take(key, int, required=required)
        if value is None:
            return default
        return value if self._within(key, value, low, high) else default

    def duration(self, key: str, *, default: float = 0.0, required: bool = False) -> float:
        """Take a duration, in seconds."""
        value = self.text(key, required=required)
        if not value:
            return default
        try:
            return seconds(value)
        except ValueError as error:
            self.note("not-a-duration", key, str(error), DURATION_ALLOWED)
            return default

    def choice(self, key: str, allowed: Collection[str], *, default: str = "", required: bool = False) -> str:
        """Take one of several words."""
        value = self.text(key, required=required)
        if value and value not in allowed:
            close = get_close_matches(value, allowed, n=1)
            hint = f"did you mean “{close[0]}”? " if close else ""
            self.note("not-allowed", key, f"“{value}” is not known here", f"{hint}one of: {', '.join(allowed)}")
            return default
        return value or default

    def table(self, key: str, *, required: bool = False) -> TableReader | None:
        """Take a table as a reader of its own."""
        value = self.take(key, dict, required=required)
        return None if value is None else TableReader(value, (*self.path, key), self.problems)

    def tables(self, key: str, *, required: bool = False) -> Iterator[TableReader]:
        """Take an array of tables, one reader each."""
        for position, value in enumerate(self.take(key, list, required=required) or []):
            path = (*self.path, key, position)
            if isinstance(value, dict):
                yield TableReader(value, path, self.problems)
            else:
                self.problems.note("wrong-type", path, f"“{value}” is not a table", f"write [[{key}]]")

    def pair(self, key: str) -> tuple[float, float] | None:
        """Take a list of two rising numbers."""
        value = self.take(key, list)
        if value is None:
            return None
        if (
            len(value) == 2
            and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in value)
            and value[0] < value[1]
        ):
            return float(value[0]), float(value[1])
        self.note(
            "not-a-range", key, f"{value} is not a range", "two numbers, the lower one first, for example [0, 12]"
        )
        return None

    def mapping(self, key: str, read: Callable[[TableReader, str], T]) -> dict[str, T]:
        """Take a table whose keys are free, reading each value by `read(reader, key)`."""
        inner = self.table(key)
        if inner is None:
            return {}
        return {name: read(inner, name) for name in inner._table}

    def finish(self) -> None:
        """Name each key that nobody took, with the nearest that exists."""
        for key in self._table:
            if key not in self._known:
                close = get_close_matches(key, self._known, n=1)
                hint = f"did you mean “{close[0]}”?" if close else f"allowed: {', '.join(sorted(self._known))}"
                self.note("unknown-key", key, f"“{key}” is not a key of this table", hint)

    def _within(self, key: str, value: float, low: float | None, high: float | None) -> bool:
        if (low is not None and value < low) or (high is not None and value > high):
            limits = f"from {low:g}" if low is not None else ""
            limits += f" to {high:g}" if high is not None else ""
            self.note("out-of-range", key, f"{value:g} is outside its limits", limits.strip())
            return False
        return True
