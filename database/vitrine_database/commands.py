"""``vitrine database``: bring the schema up to date, and tell its state."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vitrine.command import language
from vitrine.i18n import translate
from vitrine.settings import settings
from vitrine_database import backup as copies
from vitrine_database import policy, rollup
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.gaps import gaps as find_gaps
from vitrine_database.gaps_report import report as report_gaps
from vitrine_database.migration import migrate as run_migrations
from vitrine_database.retention_commands import as_duration, retention
from vitrine_database.schema import Stage
from vitrine_database.status import status as read_status
from vitrine_database.status_report import report, size

database = typer.Typer(help="Schema and state of the database.", no_args_is_help=True, rich_markup_mode=None)
database.add_typer(retention, name="retention")

Url = Annotated[
    str, typer.Option("--url", help="Connection string of the database.  [default: the setting DATABASE_URL]")
]


@database.command()
def migrate(
    url: Url = "",
    edition: Annotated[
        Edition | None,
        typer.Option(help="Make a new schema for this edition, not for the best that the server offers."),
    ] = None,
    pre: Annotated[bool, typer.Option("--pre", help="Only the steps before the software's upgrade.")] = False,
    post: Annotated[bool, typer.Option("--post", help="Only the steps after it.")] = False,
) -> None:
    """Bring the schema to this version; run it again as often as you like."""
    console, words = Console(highlight=False, soft_wrap=True), language()
    stage: Stage | None = None if pre == post else "pre" if pre else "post"

    def tell(step: str) -> None:
        console.print(translate("vitrine_database", words, "migrate.step", name=step), markup=False)

    state = run_migrations(url or settings().database_url, tell, edition=edition, stage=stage)
    if state.roles_problem:
        problem = translate("vitrine_database", words, "status.roles_problem", reason=state.roles_problem)
        console.print(problem, style="yellow", markup=False)
    if state.pending:
        left = translate("vitrine_database", words, "migrate.left", names=", ".join(state.pending))
        console.print(left, style="yellow", markup=False)
        return
    done = translate("vitrine_database", words, "migrate.done", edition=state.edition)
    console.print(done, style="green", markup=False)


@database.command()
def status(
    url: Url = "", as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False
) -> None:
    """Tell edition, versions, sizes, what is missing, and who may do what."""
    state = read_status(url or settings().database_url)
    if as_json:
        print(json.dumps(asdict(state) | {"ready": state.ready}, default=str, ensure_ascii=False, indent=2))  # noqa: T201
    else:
        report(state, Console(highlight=False, soft_wrap=True), language())


@database.command()
def policies(
    url: Url = "",
    columnstore_after: Annotated[
        str, typer.Option(help="Age at which a chunk is turned into columns, for example “7 d”.")
    ] = "7 d",
    refresh_window: Annotated[
        str, typer.Option(help="How late a value may come and still reach the rollups by itself.")
    ] = "31 d",
) -> None:
    """Set the background work of TimescaleDB Community."""
    wished = policy.Policies(
        columnstore_after=as_duration(columnstore_after), refresh_window=as_duration(refresh_window)
    )
    with connect(url or settings().database_url) as connection:
        policy.apply(connection, wished)
    Console(highlight=False).print(translate("vitrine_database", language(), "policies.done"), style="green")


@database.command()
def refresh(
    url: Url = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Compute every rollup again, not only those behind their measurements.")
    ] = False,
) -> None:
    """Bring the rollups up to their measurements; the worker and TimescaleDB's policies do it all the time."""
    console, words = Console(highlight=False, soft_wrap=True), language()
    with connect(url or settings().database_url) as connection, console.status("") as line:

        def told(done: int, of: int) -> bool:
            line.update(translate("vitrine_database", words, "refresh.running", done=done, of=of))
            return True

        hours = (rollup.refresh_all if everything else rollup.catch_up)(connection, told)
    console.print(translate("vitrine_database", words, "refresh.done", hours=hours), style="green", markup=False)


@database.command()
def gaps(
    slug: Annotated[str, typer.Argument(help="Installation.", metavar="INSTALLATION", show_default=False)],
    url: Url = "",
    first: Annotated[datetime.datetime | None, typer.Option("--from", help="Begin, UTC; a day before the end.")] = None,
    last: Annotated[datetime.datetime | None, typer.Option("--to", help="End, UTC; now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")] = False,
) -> None:
    """Tell what is missing of an installation, and why, as far as it is known; exit code 1 where anything is."""
    end = last.replace(tzinfo=datetime.UTC) if last else datetime.datetime.now(datetime.UTC)
    begin = first.replace(tzinfo=datetime.UTC) if first else end - datetime.timedelta(days=1)
    if begin >= end:
        raise typer.BadParameter("the period ends before it begins")
    with connect(url or settings().database_url) as connection:
        found = find_gaps(connection, slug, begin, end)
    if as_json:
        print(json.dumps(asdict(found) | {"complete": found.complete}, default=str, ensure_ascii=False, indent=2))  # noqa: T201
    else:
        report_gaps(found, Console(highlight=False, soft_wrap=True), language())
    if not found.complete:
        raise typer.Exit(1)


@database.command()
def backup(file: Annotated[Path, typer.Argument(help="File to write.", show_default=False)], url: Url = "") -> None:
    """Write the whole database into one file, with pg_dump, while everything goes on."""
    console, words = Console(highlight=False, soft_wrap=True), language()
    with console.status("") as line:
        done = copies.backup(url or settings().database_url, file, lambda so_far: line.update(size(so_far, words)))
    said = translate("vitrine_database", words, "backup.done", file=file, size=size(done, words))
    console.print(said, style="green", markup=False)


@database.command()
def restore(
    file: Annotated[Path, typer.Argument(help="File that “backup” wrote.", show_default=False)], url: Url = ""
) -> None:
    """Fill an empty database from a backup, with pg_restore, and bring its schema to this version."""
    chosen, console = url or settings().database_url, Console(highlight=False, soft_wrap=True)
    with console.status(translate("vitrine_database", language(), "backup.restoring", file=file)):
        copies.restore(chosen, file)
    state = run_migrations(chosen)
    rows = state.measurements.rows if state.measurements else 0
    said = translate("vitrine_database", language(), "backup.restored", file=file, rows=rows, edition=state.edition)
    console.print(said, style="green", markup=False)
