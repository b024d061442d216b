"""A result in the terminal: what was found by kind of fault, by test and by channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate
from vitrine_demo.challenge.words import Words


def print_report(console: Console, result: Mapping[str, Any], language: Language) -> None:
    """Print one result."""
    words = Words(language)
    console.print(words.of(result["name"]), style="bold", markup=False)
    console.print(words.summary(result), markup=False)
    for table in (_kinds(result, words), _tests(result, words), _channels(result, words)):
        console.print()
        console.print(table)


def _table(words: Words, first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title=None)
    table.add_column(words.t(first))
    for column in columns:
        table.add_column(words.t(column), justify="left" if column == "column.by_test" else "right")
    return table


def _kinds(result: Mapping[str, Any], words: Words) -> Table:
    table = _table(words, "column.kind", "column.faults", "column.found", "column.delay", "column.by_test")
    for row in result["kinds"]:
        by_test = ", ".join(f"{words.test(test)} {count}" for test, count in row["by_test"].items())
        table.add_row(words.kind(row["kind"]), str(row["visible"]), words.share(row), words.delay(row), by_test)
    return table


def _tests(result: Mapping[str, Any], words: Words) -> Table:
    table = _table(
        words, "column.test", "column.declared", "column.found", "column.alone", "column.false", "column.rate"
    )
    for row in result["tests"]:
        rate = words.number(row["false_per_day"], 2)
        cells = (row["channels"] or "", row["found"], row["alone"], row["false_alarms"], rate)
        table.add_row(words.test(row["test"]), *map(str, cells))
    return table


def _channels(result: Mapping[str, Any], words: Words) -> Table:
    table = _table(words, "column.channel", "column.faults", "column.found", "column.false", "column.rate")
    for row in result["channels"]:
        rate = words.number(row["false_per_day"], 2)
        table.add_row(words.of(row["name"]), str(row["visible"]), words.share(row), str(row["false_alarms"]), rate)
    return table


def progress_text(language: Language, name: str, share: float) -> str:
    """Return the line that shows how far a challenge is."""
    return translate("vitrine_demo", language, "challenge.progress", name=name, percent=int(share * 100))
