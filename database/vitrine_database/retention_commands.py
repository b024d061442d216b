"""``vitrine database retention``: how long values are kept, what is held, what was dropped."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vitrine.command import language
from vitrine.durations import seconds
from vitrine.i18n import translate
from vitrine.settings import settings
from vitrine_database import retention as rules
from vitrine_database.connection import connect
from vitrine_database.status_report import duration, number

retention = typer.Typer(help="How long values are kept.", no_args_is_help=True, rich_markup_mode=None)

Url = Annotated[
    str, typer.Option("--url", help="Connection string of the database.  [default: the setting DATABASE_URL]")
]
Slug = Annotated[str, typer.Argument(help="Installation.", metavar="INSTALLATION", show_default=False)]


def as_duration(text: str) -> datetime.timedelta:
    """Read a duration of the command line."""
    try:
        return datetime.timedelta(seconds=seconds(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@retention.command("set")
def set_rule(
    slug: Slug,
    raw: Annotated[str, typer.Option(help="How long measurements are kept, for example “400 d”.", show_default=False)],
    minutes: Annotated[str, typer.Option(help="How long their minutes are kept; without it for good.")] = "",
    url: Url = "",
) -> None:
    """Keep an installation's measurements for a time; hours and days are kept for good."""
    with connect(url or settings().database_url) as connection:
        rules.set_rule(connection, slug, as_duration(raw), as_duration(minutes) if minutes else None)
    _done("retention.set", slug=slug)


@retention.command()
def clear(slug: Slug, url: Url = "") -> None:
    """Keep everything of an installation from now on; what was dropped stays dropped."""
    with connect(url or settings().database_url) as connection:
        rules.clear_rule(connection, slug)
    _done("retention.cleared", slug=slug)


@retention.command()
def hold(
    slug: Slug,
    first: Annotated[datetime.datetime, typer.Option("--from", help="Begin, UTC, inclusive.", show_default=False)],
    last: Annotated[datetime.datetime, typer.Option("--to", help="End, UTC, exclusive.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; others will read it.", show_default=False)],
    url: Url = "",
) -> None:
    """Let nothing of a period be dropped, whatever the rule."""
    with connect(url or settings().database_url) as connection:
        held = rules.hold(
            connection, slug, first.replace(tzinfo=datetime.UTC), last.replace(tzinfo=datetime.UTC), reason
        )
    _done("retention.held", number=held)


@retention.command()
def release(
    number: Annotated[int, typer.Argument(help="Number of the hold.", show_default=False)], url: Url = ""
) -> None:
    """End a hold."""
    with connect(url or settings().database_url) as connection:
        rules.release(connection, number)
    _done("retention.released", number=number)


@retention.command()
def show(
    slug: Annotated[str, typer.Argument(help="Only drops of this installation.", metavar="[INSTALLATION]")] = "",
    url: Url = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
    most: Annotated[int, typer.Option(min=1, help="How many of the newest drops.")] = 20,
) -> None:
    """Show the rules, the holds, and what was dropped by which rule."""
    with connect(url or settings().database_url) as connection:
        found, held, gone = rules.rules(connection), rules.holds(connection), rules.drops(connection, slug, most)
    if as_json:
        plain = {"rules": list(map(asdict, found)), "holds": list(map(asdict, held)), "drops": list(map(asdict, gone))}
        print(json.dumps(plain, default=str, ensure_ascii=False, indent=2))  # noqa: T201
    else:
        _tables(found, held, gone)


@retention.command()
def run(
    url: Url = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be dropped.")] = False,
) -> None:
    """Drop now what the rules let go; the worker does the same every hour."""
    console, words = _console(), language()
    say = partial(translate, "vitrine_database", words)
    totals: dict[tuple[str, str], int] = {}

    def told(item: rules.Due) -> bool:
        key = (item.slug, item.kind)
        totals[key] = totals.get(key, 0) + item.rows
        return True

    with connect(url or settings().database_url) as connection:
        if dry_run:
            for item in rules.due(connection):
                told(item)
        else:
            rules.apply(connection, told)
    for (slug, kind), rows in sorted(totals.items()):
        key = "retention.would_drop" if dry_run else "retention.dropped"
        console.print(say(key, slug=slug, rows=number(rows, words), kind=say(f"retention.kind_{kind}")), markup=False)
    if not totals:
        console.print(say("retention.nothing"), markup=False)


def _tables(found: Sequence[rules.Rule], held: Sequence[rules.Hold], gone: Sequence[rules.Drop]) -> None:
    console, words = _console(), language()
    say = partial(translate, "vitrine_database", words)
    table = _table("rules", "installation", "raw", "minutes", "set_by", "set_at")
    for rule in found:
        terms = [duration(term) if term else say("retention.for_good") for term in (rule.raw, rule.minutes)]
        table.add_row(rule.slug, *terms, rule.set_by, _day(rule.set_at))
    console.print(table if found else say("retention.no_rule"))
    if held:
        table = _table("holds", "number", "installation", "from", "to", "reason", "set_by")
        for item in held:
            table.add_row(
                str(item.number), item.slug, _day(item.first_time), _day(item.last_time), item.reason, item.set_by
            )
        console.print(table)
    if gone:
        table = _table("drops", "installation", "kind", "day", "rows", "channels", "rule", "dropped_at")
        for drop in gone:
            kind, rows = say(f"retention.kind_{drop.kind}"), number(drop.rows, words)
            day = f"{drop.first_time:%Y-%m-%d}"
            table.add_row(drop.slug, kind, day, rows, str(drop.channels), drop.rule, _day(drop.dropped_at))
        console.print(table)


def _table(title: str, *columns: str) -> Table:
    say = partial(translate, "vitrine_database", language())
    table = Table(title=say(f"retention.{title}"), title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(say(f"retention.{column}"), justify="right" if column in ("rows", "channels") else "left")
    return table


def _day(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _done(key: str, **values: object) -> None:
    _console().print(translate("vitrine_database", language(), key, **values), style="green", markup=False)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
