"""The state of a database as people read it, in a terminal."""

from __future__ import annotations

import datetime
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitrine.i18n import Language, translate
from vitrine_database.status import Measurements, Status

_UNITS: dict[Language, str] = {"fr": "o", "en": "B"}


def report(status: Status, console: Console, words: Language) -> None:
    """Print the state."""
    say = partial(translate, "vitrine_database", words)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for key, text, style in [
        *_server_lines(status, words),
        *_content_lines(status, words),
        *_lag_lines(status, words),
        *_right_lines(status, words),
    ]:
        table.add_row(say(f"status.{key}"), Text(text, style=style))
    console.print(table)
    if status.policies:
        console.print(_policies(status, words))
    if status.pending:
        console.print(say("status.how_to_migrate"), style="yellow", markup=False)
    for item in status.advice:
        console.print(
            say(f"advice.{item.code}", **item.values) if item.values else say(f"advice.{item.code}"),
            style="yellow",
            markup=False,
        )


def _server_lines(status: Status, words: Language) -> list[tuple[str, str, str]]:
    say = partial(translate, "vitrine_database", words)
    server = f"PostgreSQL {status.server_version}"
    if status.timescale_version:
        server += f", TimescaleDB {status.timescale_version}"
    if status.standby:
        server += f", {say('status.standby')}"
    edition = str(status.edition or say("status.none_timescale" if status.timescale_available else "status.none"))
    if status.edition and status.edition is not status.offered:
        edition += f" ({say('status.offered', edition=status.offered)})"
    missing = say("status.pending", count=len(status.pending), names=", ".join(status.pending))
    return [
        ("database", status.database, ""),
        ("server", server, ""),
        ("edition", edition, ""),
        ("size", size(status.database_bytes, words), ""),
        ("migrations", missing, "yellow")
        if status.pending
        else ("migrations", say("status.up_to_date", count=len(status.migrations)), "green"),
    ]


def _content_lines(status: Status, words: Language) -> list[tuple[str, str, str]]:
    say = partial(translate, "vitrine_database", words)
    held = status.measurements
    if held is None:
        return []
    rows = say(
        "status.rows_estimated" if held.estimated else "status.rows",
        rows=number(held.rows, words),
        bytes=size(held.bytes, words),
    )
    lines = [
        (
            "catalogue",
            say(
                "status.catalogue_counts",
                installations=held.installations,
                gateways=held.gateways,
                channels=held.channels,
            ),
            "",
        ),
        ("measurements", rows, ""),
        ("newest", _time(held.newest) or say("status.no_value"), ""),
    ]
    return [*lines, ("chunks", _chunks(held, words), "")] if held.chunks else lines


def _lag_lines(status: Status, words: Language) -> list[tuple[str, str, str]]:
    say = partial(translate, "vitrine_database", words)
    behind = status.lag
    if behind is None:
        return []
    rollups = say("status.rollups_current")
    if behind.materialised:
        parts = (f"{name[12:]}: {_time(mark) or say('status.never')}" for name, mark in behind.materialised.items())
        rollups = say("status.rollups_until", parts=", ".join(parts))
    elif behind.oldest_stale is not None:
        rollups = say("status.rollups_behind", hours=behind.stale_hours, oldest=_time(behind.oldest_stale))
    tasks = ", ".join(f"{task.name} {_time(task.last_asked) or say('status.never')}" for task in behind.tasks)
    return [
        ("committed", _time(behind.committed_at) or say("status.never"), ""),
        ("rollups", rollups, ""),
        ("workers", say("status.workers_count", count=behind.workers, failed=behind.failed_jobs), ""),
        ("tasks", tasks or say("status.never"), ""),
    ]


def _chunks(held: Measurements, words: Language) -> str:
    counts = {"chunks": held.chunks, "columns": held.chunks_in_columns}
    if held.compression is None:
        return translate("vitrine_database", words, "status.chunks_counts", **counts)
    ratio = _decimal(f"{held.compression:.1f}", words)
    return translate("vitrine_database", words, "status.chunks_ratio", ratio=ratio, **counts)


def _right_lines(status: Status, words: Language) -> list[tuple[str, str, str]]:
    say = partial(translate, "vitrine_database", words)
    names = ("migrate", "write", "read", "make_roles")
    rights = ", ".join(say(f"status.{name}") for name in names if getattr(status.rights, name))
    return [
        ("user", status.user, ""),
        ("rights", rights or say("status.no_rights"), ""),
        ("roles", ", ".join(status.roles) or say("status.no_role"), ""),
    ]


def _policies(status: Status, words: Language) -> Table:
    say = partial(translate, "vitrine_database", words)
    table = Table(title=say("status.policies"), title_justify="left", title_style="bold")
    for key in ("kind", "target", "every", "last", "failures"):
        table.add_column(say(f"status.{key}"))
    for policy in status.policies:
        last = _time(policy.last_success) or say("status.never")
        kind = say(f"kind.{policy.kind}")
        table.add_row(kind, policy.target, duration(policy.every), last, str(policy.failures))
    return table


def size(count: int, words: Language) -> str:
    """Return a number of bytes with its decimal prefix, for example ``8,8 Mo``."""
    amount, prefixes = float(count), iter(("", "k", "M", "G", "T"))
    prefix = next(prefixes)
    while amount >= 1000 and prefix != "T":
        amount, prefix = amount / 1000, next(prefixes)
    text = f"{amount:.0f}" if not prefix else f"{amount:.1f}"
    return f"{_decimal(text, words)}\u00a0{prefix}{_UNITS[words]}"


def number(count: int, words: Language) -> str:
    """Return a whole number with its thousands apart, as the language writes them."""
    return f"{count:,}".replace(",", "\u00a0") if words == "fr" else f"{count:,}"


def duration(every: datetime.timedelta) -> str:
    """Return a length of time as ``1 d 2 h``."""
    left = round(every.total_seconds())
    parts = []
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= length:
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts)


def _decimal(text: str, words: Language) -> str:
    return text.replace(".", ",") if words == "fr" else text


def _time(time: datetime.datetime | None) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""
