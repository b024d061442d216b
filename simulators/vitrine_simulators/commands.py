"""``vitrine simulate``: the instruments of installation files, on real wires."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vitrine import logs
from vitrine.errors import ConfigurationError
from vitrine.installation import Installation
from vitrine.installation_file import load
from vitrine_simulators.binding import bind, channels_of, plant_of, profiles_of
from vitrine_simulators.faults import Schedule, TruthLog, load_faults
from vitrine_simulators.faulty_source import FaultySource
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
    faults: Annotated[Path | None, typer.Option(help="Faults of the one installation named, in TOML.")] = None,
    truth: Annotated[Path | None, typer.Option(help="File to which each fault that begins is added.")] = None,
) -> None:
    """Serve until SIGINT or SIGTERM."""
    logs.set_up()
    simulation, installations = Simulation(), [load(file) for file in files]
    schedule = _schedule(installations, faults, truth, seed)
    for installation in installations:
        simulation.add(installation, _source(installation, plant, seed, log, schedule))
    asyncio.run(_serve(simulation, schedule, TruthLog(truth) if truth else None))


def _schedule(installations: list[Installation], faults: Path | None, truth: Path | None, seed: int) -> Schedule | None:
    if faults is None:
        if truth is not None:
            raise ConfigurationError("a truth log without faults would stay empty", hint="Name them with --faults.")
        return None
    if len(installations) != 1:
        raise ConfigurationError(
            "a file of faults belongs to one installation", hint="Start one “vitrine simulate” for each installation."
        )
    return Schedule(load_faults(faults, installations[0]), seed, math.floor(time.time()))


def _source(
    installation: Installation, plant: PlantChoice, seed: int, log: Path | None, schedule: Schedule | None
) -> Source:
    if plant is PlantChoice.COUNTING:
        return counting(installation, log)
    model = plant_of(installation, seed)
    return FaultySource(model, bind(installation, model.signals), schedule) if schedule else Live(model)


def counting(installation: Installation, log: Path | None = None) -> CountingPlant:
    """Return numbers for every channel of an installation."""
    profiles = profiles_of(installation)
    units: dict[str, str] = {}
    for device in installation.devices:
        profile = profiles[device.key]
        chosen = set(channels_of(device, profile))
        units |= {f"{device.key}/{channel.key}": channel.unit for channel in profile.channels if channel.key in chosen}
    return CountingPlant(units, log)


async def _serve(simulation: Simulation, schedule: Schedule | None, truth: TruthLog | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    telling = asyncio.create_task(_tell(schedule, truth)) if schedule and truth else None
    try:
        await simulation.run(stop)
    finally:
        if telling:
            telling.cancel()
        if truth:
            truth.close()


async def _tell(schedule: Schedule, truth: TruthLog) -> None:
    """Write down each fault when it begins."""
    told = schedule.started
    while True:
        now = time.time()
        for occurrence in schedule.between(told, now):
            truth.add(occurrence)
        told = now
        await asyncio.sleep(0.5)
