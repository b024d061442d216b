"""``vitrine simulate``: the instruments of installation files, on real wires."""

from __future__ import annotations

import asyncio
import signal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vitrine import logs
from vitrine.installation import Installation
from vitrine.installation_file import load
from vitrine_simulators.binding import channels_of, plant_of, profiles_of
from vitrine_simulators.plants import CountingPlant, Live, Source
from vitrine_simulators.simulation import Simulation

simulate = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class PlantChoice(StrEnum):
    """What stands behind the instruments."""

    MODEL = "model"
    COUNTING = "counting"


@simulate.command(help="Serve the instruments of installation files over Modbus TCP and MQTT until Ctrl-C.")
def run(
    files: Annotated[list[Path], typer.Argument(help="Installation files.", show_default=False)],
    seed: Annotated[int, typer.Option(help="The same seed gives the same values at the same times.")] = 1,
    plant: Annotated[
        PlantChoice, typer.Option(help="The installation's own model, or numbers that count the readings.")
    ] = PlantChoice.MODEL,
    log: Annotated[Path | None, typer.Option(help="Where the counting plant notes the numbers it gave.")] = None,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    logs.set_up()
    simulation = Simulation()
    for file in files:
        installation = load(file)
        simulation.add(installation, _source(installation, plant, seed, log))
    asyncio.run(_serve(simulation))


def _source(installation: Installation, plant: PlantChoice, seed: int, log: Path | None) -> Source:
    if plant is PlantChoice.COUNTING:
        return counting(installation, log)
    return Live(plant_of(installation, seed))


def counting(installation: Installation, log: Path | None = None) -> CountingPlant:
    """Return numbers for every channel of an installation."""
    profiles = profiles_of(installation)
    units: dict[str, str] = {}
    for device in installation.devices:
        profile = profiles[device.key]
        chosen = set(channels_of(device, profile))
        units |= {f"{device.key}/{channel.key}": channel.unit for channel in profile.channels if channel.key in chosen}
    return CountingPlant(units, log)


async def _serve(simulation: Simulation) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await simulation.run(stop)
