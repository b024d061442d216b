"""``vitrine collector`` and ``vitrine catalogue``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitrine import logs
from vitrine.command import language
from vitrine.errors import ConfigurationError, VitrineError
from vitrine.i18n import translate
from vitrine.installation_file import load
from vitrine.settings import Settings, read_secret, settings
from vitrine_collector import rejections, replay
from vitrine_collector.catalogue import apply as apply_installation
from vitrine_collector.central import central_sensors
from vitrine_collector.health import serve_health
from vitrine_collector.limits import Limits
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect

_PACKAGE = "vitrine_collector"

collector = typer.Typer(
    help="Sparkplug host application that writes measurements.", no_args_is_help=True, rich_markup_mode=None
)
rejected = typer.Typer(help="Messages that could not be used.", no_args_is_help=True, rich_markup_mode=None)
collector.add_typer(rejected, name="rejected")
catalogue = typer.Typer(
    help="What only the platform needs of an installation file.", no_args_is_help=True, rich_markup_mode=None
)

Url = Annotated[
    str, typer.Option("--url", help="Connection string of the database.  [default: the setting DATABASE_URL]")
]


@collector.command()
def run(
    url: Url = "",
    metrics_port: Annotated[
        int,
        typer.Option(help="Port of 127.0.0.1 for health and Prometheus metrics; 0: none.", min=0, max=65535),
    ] = 0,
) -> None:
    """Write what gateways send, and acknowledge it, until SIGTERM or Ctrl-C."""
    chosen = settings()
    logs.set_up(style=chosen.log_format, level=chosen.log_level)
    service = Collector(
        url or chosen.database_url,
        broker_of(chosen),
        limits_of(chosen),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread of its own: a handler that waits for a lock of the thread it interrupts would wait for ever.
        signal.signal(number, lambda *_: threading.Thread(target=service.request_stop).start())
    if metrics_port:
        serve_health(service, metrics_port)
    if service.start():
        service.wait()


@catalogue.callback()
def _catalogue() -> None:
    """What only the platform needs of an installation file."""


@catalogue.command()
def apply(file: Annotated[Path, typer.Argument(help="Installation file.", show_default=False)], url: Url = "") -> None:
    """Write an installation's names, place, indicators and central sensors; again as often as you like."""
    installation = load(file)
    sensors = central_sensors(file, installation)
    with connect(url or settings().database_url) as connection:
        done = apply_installation(connection, installation, sensors)
    console = Console(highlight=False, soft_wrap=True)
    console.print(_say("catalogue.applied", slug=installation.slug), style="green", markup=False)
    if done.added:
        console.print(_say("catalogue.added", keys=", ".join(done.added)), markup=False)
    if sensors:
        keys = ", ".join(sensor.key for sensor in sensors)
        console.print(_say("catalogue.sensors", keys=keys), markup=False)
    if done.retired:
        console.print(_say("catalogue.retired", keys=", ".join(done.retired)), markup=False)


@rejected.command("list")
def list_rejected(
    url: Url = "", most: Annotated[int, typer.Option("--most", "-n", help="How many to show.", min=1)] = 20
) -> None:
    """Show the newest messages that could not be used, and why."""
    with connect(url or settings().database_url) as connection:
        found, total = rejections.newest(connection, most), rejections.count(connection)
        dropped = rejections.dropped(connection)
    console = Console(highlight=False)
    if not found:
        console.print(_say("rejected.none"), markup=False)
        return
    table = Table(*(_say(f"rejected.{name}") for name in ("number", "received", "topic", "code", "reason")), box=None)
    for item in found:
        # Their text comes from strangers: no markup of ours in it.
        cells = (str(item.rejected_id), f"{item.received_at:%Y-%m-%d %H:%M:%S}", item.topic, item.code, item.reason)
        table.add_row(*(Text(_plain(cell)) for cell in cells))
    console.print(table)
    console.print(_say("rejected.total", count=total, shown=len(found)), style="dim", markup=False)
    if dropped:
        console.print(_say("rejected.dropped", count=dropped), style="yellow", markup=False)


@rejected.command()
def show(
    number: Annotated[int, typer.Argument(help="Number, as “list” shows it.", show_default=False)], url: Url = ""
) -> None:
    """Show one of them with what its payload holds."""
    with connect(url or settings().database_url) as connection:
        item = rejections.one(connection, number)
    console = Console(highlight=False, soft_wrap=True)
    for name, value in (
        ("number", str(item.rejected_id)),
        ("received", f"{item.received_at:%Y-%m-%d %H:%M:%S.%f}"),
        ("topic", item.topic),
        ("code", item.code),
        ("reason", item.reason),
        ("bytes", str(len(item.payload))),
    ):
        console.print(f"{_say(f'rejected.{name}'):<16}{_plain(value)}", markup=False)
    console.print("\n" + rejections.readable(item.payload), markup=False)


@rejected.command("replay")
def replay_rejected(
    chosen: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers, as “list” shows them.")
    ] = None,
    url: Url = "",
    every: Annotated[bool, typer.Option("--all", help="Every message, the oldest first.")] = False,
    code: Annotated[str, typer.Option(help="Every message of this code, the oldest first.")] = "",
) -> None:
    """Write messages after all, once what was wrong is mended; one that still cannot be used stays, with the reason."""
    if bool(chosen) + every + bool(code) != 1:
        raise ConfigurationError(_say("rejected.which"), hint="For example: vitrine collector rejected replay 12 13")
    console, failed = Console(highlight=False, soft_wrap=True), 0
    with connect(url or settings().database_url) as connection:
        numbers = chosen or rejections.numbers(connection, code)
        for number in numbers:
            try:
                written = replay.replay(connection, rejections.one(connection, number))
            except VitrineError as error:
                failed += 1
                console.print(_say("rejected.stays", number=number, reason=_plain(error.message)), markup=False)
            else:
                console.print(_say("rejected.written", number=number, count=written), style="green", markup=False)
    console.print(_say("rejected.replayed", count=len(numbers) - failed, failed=failed), style="dim", markup=False)
    if failed:
        raise typer.Exit(1)


def limits_of(chosen: Settings) -> Limits:
    """Return the limits that the settings name."""
    return Limits(batch_rows=chosen.batch_rows, batch_s=chosen.batch_seconds, reorder_s=chosen.reorder_seconds)


def broker_of(chosen: Settings) -> Broker:
    """Return the broker that the settings name."""
    return Broker(
        host=chosen.broker_host,
        port=chosen.broker_port,
        username=chosen.broker_username,
        password=read_secret(chosen.broker_password_file),
        ca=chosen.broker_ca,
    )


def _say(key: str, **values: object) -> str:
    return translate(_PACKAGE, language(), key, **values)


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
