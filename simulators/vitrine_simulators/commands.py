"""``vitrine simulate``: instruments of installation files, or of one profile, on real wires."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from vitrine import logs
from vitrine.errors import ConfigurationError
from vitrine_simulators.profile_site import Place, installation_text, write
from vitrine_simulators.run import Wishes, run
from vitrine_simulators.sources import PlantChoice

_FILES = "files"


class _FilesByDefault(TyperGroup):
    """Takes a first word that is no sub-command for an installation file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  # a click context, whose class typer hides
        """Put the default sub-command in."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_FILES, *args]
        return super().parse_args(ctx, args)


simulate = typer.Typer(
    cls=_FilesByDefault,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Simulated instruments on real wires, until Ctrl-C: vitrine simulate FILE…, or vitrine simulate profile NAME.",
)


class Transport(StrEnum):
    """How an instrument is reached."""

    TCP = "tcp"
    UDP = "udp"
    RTU_TCP = "rtu-tcp"
    ASCII_TCP = "ascii-tcp"
    PTY = "pty"
    ASCII_PTY = "ascii-pty"


_Seed = Annotated[int, typer.Option(help="The same seed gives the same values at the same times.")]
_Speed = Annotated[float, typer.Option(help="How many times as fast as the clock the plant goes.", min=0.001, max=1e6)]
_Begin = Annotated[str, typer.Option(help="The plant's time at the start, with its zone; by default the present.")]
_Faults = Annotated[Path | None, typer.Option(help="Faults of the one installation named, in TOML.")]
_Truth = Annotated[Path | None, typer.Option(help="File to which each fault is added.")]


@simulate.command(_FILES, help="Serve the instruments of installation files; the word “files” may be left out.")
def files(
    files: Annotated[list[Path], typer.Argument(help="Installation files.", show_default=False)],
    seed: _Seed = 1,
    plant: Annotated[
        PlantChoice,
        typer.Option(
            help="The installation's own model, completed from the profiles; values from the profiles alone; or numbers"
            " that count the readings."
        ),
    ] = PlantChoice.MODEL,
    log: Annotated[Path | None, typer.Option(help="Where the counting plant notes the numbers it gave.")] = None,
    speed: _Speed = 1.0,
    begin: _Begin = "",
    faults: _Faults = None,
    truth: _Truth = None,
    gateway: Annotated[
        Path | None,
        typer.Option(help="Run the gateway too, with its data in this folder: for faults of clock and power."),
    ] = None,
    uplink_to: Annotated[
        str, typer.Option(help="HOST:PORT of the broker behind the installation's uplink: for faults of the network.")
    ] = "",
    edge_node: Annotated[
        bool, typer.Option("--edge-node", help="Publish Sparkplug B to the uplink, as another maker's edge node does.")
    ] = False,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    logs.set_up()
    wishes = Wishes(
        seed=seed,
        plant=plant,
        log=log,
        speed=speed,
        begin=instant(begin),
        faults=faults,
        truth=truth,
        gateway=gateway,
        uplink_to=address(uplink_to) if uplink_to else None,
        edge_node=edge_node,
    )
    run(files, wishes)


@simulate.command("profile", help="Serve one instrument that a profile describes, until Ctrl-C.")
def profile(
    name: Annotated[str, typer.Argument(help="Name of a profile, or a path to one.")],
    transport: Annotated[Transport, typer.Option(help="How it is reached; pty is a serial line.")] = Transport.TCP,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 5020,
    link: Annotated[Path, typer.Option(help="Link to the pseudo-terminal.")] = Path("ttyVitrine"),
    baudrate: Annotated[int, typer.Option(help="Baud rate of the serial line.", min=300, max=4_000_000)] = 19_200,
    unit: Annotated[int, typer.Option(help="Modbus unit id.", min=1, max=247)] = 1,
    broker: Annotated[str, typer.Option(help="HOST:PORT of the broker that a sensor publishes to.")] = "127.0.0.1:1883",
    no_value: Annotated[list[str] | None, typer.Option(help="Channel that shows its mark for “no value”.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write an installation file that reads it.")] = None,
    seed: _Seed = 1,
    speed: _Speed = 1.0,
    begin: _Begin = "",
    faults: _Faults = None,
    truth: _Truth = None,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    logs.set_up()
    broker_host, broker_port = address(broker)
    place = Place(
        transport=str(transport),
        host=host,
        port=port,
        link=link,
        baudrate=baudrate,
        unit=unit,
        broker_host=broker_host,
        broker_port=broker_port,
    )
    text = installation_text(name, place)
    wishes = Wishes(
        seed=seed,
        plant=PlantChoice.PROFILE,
        speed=speed,
        begin=instant(begin),
        faults=faults,
        truth=truth,
        no_value=tuple(no_value or ()),
    )
    if output:
        write(text, output)
        run([output], wishes)
        return
    typer.echo(text[text.index("[[device]]") :])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "simulated.toml"
        write(text, file)
        run([file], wishes)


def instant(text: str) -> float | None:
    """Read an instant with its zone; None for an empty text."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = datetime.now()  # noqa: DTZ005  # has no zone, as what cannot be read
    if when.tzinfo is None:
        raise ConfigurationError(
            f"“{text}” is no instant with its zone", hint="For example --begin 2026-01-15T06:00:00Z."
        )
    return when.astimezone(UTC).timestamp()


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT; ConfigurationError where it is none."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ConfigurationError(f"“{text}” is no address of a broker", hint="HOST:PORT, for example 127.0.0.1:1883.")
    return host, int(port)
