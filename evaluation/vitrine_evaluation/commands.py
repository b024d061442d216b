"""The commands ``vitrine worker``, ``vitrine indicators`` and ``vitrine dataset``."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg.rows import dict_row
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from vitrine.command import language
from vitrine.errors import DatasetError, VitrineError
from vitrine.i18n import translate
from vitrine.installation_file import inspect, invalid
from vitrine.logs import set_up
from vitrine.settings import settings
from vitrine.units import UNITS
from vitrine_database import schema
from vitrine_database.connection import connect
from vitrine_database.edition import in_force
from vitrine_evaluation import indicators as computation
from vitrine_evaluation import jobs
from vitrine_evaluation.dataset import build as building
from vitrine_evaluation.dataset import request
from vitrine_evaluation.dataset import verify as verification
from vitrine_evaluation.definitions import SQL, Definition, channels, definitions
from vitrine_evaluation.file_check import check_indicators

worker = typer.Typer(help="Background work: datasets, indicators.", no_args_is_help=True)
indicators = typer.Typer(help="Indicators of an installation.", no_args_is_help=True)
dataset = typer.Typer(help="Build and verify datasets.", no_args_is_help=True)


@worker.callback()
def _worker() -> None:
    """Keep `run` a sub-command."""


@worker.command("run")
def run_worker() -> None:
    """Work until stopped: refresh indicators, build the datasets asked for."""
    chosen = settings()
    set_up(style=chosen.log_format, level=chosen.log_level)
    with connect(chosen.database_url) as connection:  # says in words why it cannot be reached, or is too old or too new
        schema.check(connection, in_force(connection))
    asyncio.run(jobs.run(chosen.database_url))


@indicators.command("check")
def check_file(file: Annotated[Path, typer.Argument(help="Installation file.")]) -> None:
    """Check the indicators of an installation file: every mistake, with its line."""
    installation, problems = inspect(file)
    unknown: list[str] = []
    if installation is not None:
        found, unknown = check_indicators(installation, problems.lines)
        problems.extend(found)
    if problems or installation is None:
        raise invalid(file, problems)
    _say("formulas_right", count=len(installation.indicators))
    if unknown:
        _say("formulas_unknown", channels=", ".join(unknown))


@indicators.command("show")
def show(
    slug: Annotated[str, typer.Argument(help="Installation.")],
    period: Annotated[str, typer.Option(help="hour or day.")] = "day",
    count: Annotated[int, typer.Option("--last", min=1, max=1000, help="How many of the latest.")] = 7,
) -> None:
    """Show the latest values of an installation's indicators."""
    if period not in ("hour", "day"):
        raise VitrineError(f"“{period}” is no period", hint="One of: hour, day")
    with connect(settings().database_url) as connection:
        installation = _installation(connection, slug)
        found = definitions(connection, installation, channels(connection, installation))
        if not found:
            _say("no_indicators", slug=slug)
        for definition in found:
            _show_one(connection, definition, period, count)


@indicators.command("recompute")
def recompute(slug: Annotated[str, typer.Argument(help="Installation.")]) -> None:
    """Compute all hours and days of an installation again."""
    with connect(settings().database_url) as connection, _progress() as progress:
        installation = _installation(connection, slug)
        waiting = computation.mark_all(connection, installation)
        task = progress.add_task(slug, total=waiting or None)

        def going_on(done: int) -> bool:
            progress.update(task, completed=done)
            return True

        hours = computation.refresh(connection, since=datetime(1970, 1, 2, tzinfo=UTC), going_on=going_on)
    _say("recomputed", count=hours)


@dataset.command("build")
def build(
    slug: Annotated[str, typer.Argument(help="Installation.")],
    first: Annotated[datetime, typer.Option("--from", help="Begin, UTC, inclusive.")],
    last: Annotated[datetime, typer.Option("--to", help="End, UTC, exclusive.")],
    name: Annotated[str, typer.Option(help="Name of the dataset; its days where left out.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Build here, or leave it to a worker.")] = True,
    output: Annotated[Path | None, typer.Option(help="Copy the package there.")] = None,
) -> None:
    """Build a dataset of an installation, with visible progress."""
    chosen = settings()
    with connect(chosen.database_url) as connection:
        row = request.create(connection, slug, _utc(first), _utc(last), name, created_by="command")
        if not wait:
            queue = jobs.app(chosen.database_url, chosen)
            with queue.open():
                jobs.defer_build(queue, row["dataset_id"])
            _say("queued", slug=row["slug"])
            return
        row = _build_here(connection, row)
    place = request.path(chosen, row)
    if output is not None:
        place = _copy(place, output)
    _say("built", path=place, bytes=row["file_bytes"], rows=row["rows"])


@dataset.command("list")
def list_datasets() -> None:
    """List the datasets, newest first."""
    with connect(settings().database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(request.SQL["datasets"]).fetchall()
    if not rows:
        _say("no_datasets")
        return
    table = Table(box=None)
    for key in ("dataset", "period", "state", "build", "size"):
        table.add_column(_word(key), justify="right" if key == "size" else "left")
    for row in rows:
        stage = row["build"] if row["build"] != "running" else f"{row['build']} {row['progress']:.0%}"
        size = "" if row["file_bytes"] is None else f"{row['file_bytes'] / 1e6:.1f} MB"
        span = f"{row['first_time']:%Y-%m-%d %H:%M} – {row['last_time']:%Y-%m-%d %H:%M}"
        table.add_row(row["slug"], span, row["state"], row["error"] or stage, size)
    Console().print(table)


@dataset.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="Zip of a dataset.")],
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Verify a dataset, without network or database."""
    report = verification.verify(file)
    typer.echo(verification.tell(report, language(), as_json=as_json))
    raise typer.Exit(0 if report.holds else 1)


def _build_here(connection: psycopg.Connection, row: request.Row) -> request.Row:
    with _progress() as progress:
        task = progress.add_task("", total=1.0)

        def tell(share: float, stage: str) -> None:
            words = translate("vitrine_evaluation", language(), f"stage.{stage}")
            progress.update(task, completed=share, description=words)

        try:
            built = building.build(settings(), row["dataset_id"], tell)
        except (VitrineError, psycopg.Error, OSError) as error:
            connection.execute(request.SQL["failed"], {"dataset": row["dataset_id"], "error": str(error)})
            if isinstance(error, VitrineError):
                raise
            raise DatasetError(f"{row['slug']} cannot be built: {error}") from error
        tell(1.0, "done")
    return built


def _show_one(connection: psycopg.Connection, definition: Definition, period: str, count: int) -> None:
    indicator = definition.indicator
    unit = UNITS[indicator.unit].label(language()) if indicator.unit in UNITS else indicator.unit
    console = Console()
    console.print(f"[bold]{indicator.name[language()]}[/bold] ({indicator.key}, {indicator.version})", highlight=False)
    for problem in definition.problems:
        console.print(f"  × {problem}", style="red", markup=False)
    table = Table(box=None)
    for key in ("bucket", "value", "coverage"):
        table.add_column(_word(key), justify="left" if key == "bucket" else "right")
    span = {"indicator": definition.indicator_id, "period": period, "limit": count}
    for bucket, value, coverage in connection.execute(SQL["latest_values"], span):
        shown = "—" if value is None else f"{value:.{indicator.decimals}f} {unit}"
        table.add_row(f"{bucket:%Y-%m-%d %H:%M}", shown, f"{coverage:.0%}")
    console.print(table)


def _installation(connection: psycopg.Connection, slug: str) -> int:
    row = connection.execute(SQL["installation_of"], {"slug": slug}).fetchone()
    if row is None:
        raise VitrineError(f"there is no installation “{slug}”", hint="Apply its file with “vitrine catalogue apply”.")
    return int(row[0])


def _copy(source: Path, target: Path) -> Path:
    target = target / source.name if target.is_dir() else target
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror}"
        raise DatasetError(message, hint=f"The package is at {source}.") from error
    return target


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def _word(key: str, **values: object) -> str:
    return translate("vitrine_evaluation", language(), f"command.{key}", **values)


def _say(key: str, **values: object) -> None:
    typer.echo(_word(key, **values))
