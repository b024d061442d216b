"""What is missing, as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate
from vitrine_database.evidence import Counts, Gaps


def report(found: Gaps, console: Console, words: Language) -> None:
    """Print it: counts by channel and by gateway, silences with what is known of their reason, records by queue."""
    say = partial(translate, "vitrine_database", words)
    console.print(
        say("gaps.title", slug=found.installation, first=_time(found.first), last=_time(found.last)),
        style="bold",
        markup=False,
    )
    console.print(_counts("channel", [(one.path, one) for one in found.channels], words))
    if found.gateways:
        console.print(_counts("gateway", [(one.node, one) for one in found.gateways], words))
    if found.queues:
        console.print(_queues(found, words))
    if found.silences:
        console.print(_silences(found, words))
    if found.complete:
        console.print(say("gaps.complete"), style="green", markup=False)
    else:
        console.print(
            say(
                "gaps.missing",
                silences=len(found.silences),
                awaited=sum(queue.awaited_count for queue in found.queues),
                lost=sum(queue.lost_count for queue in found.queues),
            ),
            style="yellow",
            markup=False,
        )


def _table(words: Language, *columns: str, numbers: int) -> Table:
    table = Table(box=None)
    for position, column in enumerate(columns):
        right = position >= len(columns) - numbers
        table.add_column(translate("vitrine_database", words, f"gaps.{column}"), justify="right" if right else "left")
    return table


def _counts(whose: str, counted: Sequence[tuple[str, Counts]], words: Language) -> Table:
    counts = (
        "expected",
        "received",
        "absent",
        "lost_values",
        "awaited_values",
        "dropped_values",
        "empty",
        "late",
        "dated",
    )
    table = _table(words, whose, *counts, numbers=len(counts))
    for name, one in counted:
        absent = (one.missing, one.lost, one.awaited, one.dropped)
        numbers = (one.expected, one.received, *absent, one.empty, one.late, one.restamped)
        table.add_row(name, *("–" if number is None else str(number) for number in numbers))
    return table


def _queues(found: Gaps, words: Language) -> Table:
    columns = ("gateway", "queue", "numbered", "held", "awaited", "lost", "repeated", "restamped", "uncertain")
    table = _table(words, *columns, numbers=7)
    for one in found.queues:
        of_records = (one.expected_count, one.held_count, one.awaited_count, one.lost_count)
        table.add_row(one.node, one.epoch[:8], *map(str, (*of_records, one.repeated, one.restamped, one.uncertain)))
    return table


def _silences(found: Gaps, words: Language) -> Table:
    table = _table(words, "from", "to", "channel", "reason", "expected", numbers=1)
    for one in found.silences:
        reason = translate("vitrine_database", words, f"gaps.reason_{one.reason}")
        reason = f"{reason}: {one.detail}" if one.detail else reason
        table.add_row(_time(one.first_time), _time(one.last_time), one.path, reason, str(one.expected))
    return table


def _time(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
