"""One run of ``vitrine simulate``: files checked, faults scheduled, instruments served until a signal comes."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrine.errors import ConfigurationError, InstallationError, Problem
from vitrine.installation import Installation
from vitrine.logs import logger
from vitrine_gateway.site import load_site
from vitrine_simulators.binding import bind, channels_of, profiles_of
from vitrine_simulators.faults import Schedule, TruthLog, load_faults
from vitrine_simulators.faulty_source import FaultySource
from vitrine_simulators.plant_time import PlantTime
from vitrine_simulators.plants import Source
from vitrine_simulators.registers import can_say_nothing
from vitrine_simulators.silenced import Silenced
from vitrine_simulators.simulation import Simulation
from vitrine_simulators.sources import PlantChoice, counting, plant_for

_log = logger("simulators")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for."""

    seed: int = 1
    plant: PlantChoice = PlantChoice.MODEL
    log: Path | None = None
    speed: float = 1.0
    begin: float | None = None
    faults: Path | None = None
    truth: Path | None = None
    #: Channels that show their mark for “no value”.
    no_value: tuple[str, ...] = ()


def run(files: Sequence[Path], wishes: Wishes) -> None:
    """Serve the instruments of these files until SIGINT or SIGTERM."""
    installations = [one.installation for one in map(load_site, files)]
    schedule = schedule_of(installations, wishes)
    simulation = Simulation(PlantTime(wishes.speed, wishes.begin).now)
    for installation in installations:
        simulation.add(installation, _source(installation, wishes, schedule))
    asyncio.run(_serve(simulation, schedule, TruthLog(wishes.truth) if wishes.truth else None))


def schedule_of(installations: Sequence[Installation], wishes: Wishes) -> Schedule | None:
    """Return when which fault comes; ConfigurationError where that cannot be."""
    if wishes.faults is None:
        if wishes.truth is not None:
            raise ConfigurationError("a truth log without faults would stay empty", hint="Name them with --faults.")
        return None
    if len(installations) != 1:
        raise ConfigurationError(
            "a file of faults belongs to one installation", hint="Start one “vitrine simulate” for each installation."
        )
    if wishes.speed != 1.0 or wishes.begin is not None:
        raise ConfigurationError(
            "faults come in real time, since the truth log speaks of the time that gateways stamp with",
            hint="Leave out --speed and --begin, or use “vitrine challenge”, which runs accelerated.",
        )
    return Schedule(load_faults(wishes.faults, installations[0]), wishes.seed, math.floor(time.time()))


def _source(installation: Installation, wishes: Wishes, schedule: Schedule | None) -> Source:
    if wishes.plant is PlantChoice.COUNTING:
        return counting(installation, wishes.log)
    plant = plant_for(installation, wishes.plant, wishes.seed)
    if plant.generated:
        _log.info("values from the profiles alone", installation=installation.slug, channels=len(plant.generated))
    source: Source = FaultySource(plant, bind(installation, plant.signals), schedule) if schedule else plant
    if wishes.no_value:
        _check_silent(installation, wishes.no_value)
        source = Silenced(source, wishes.no_value)
    return source


def _check_silent(installation: Installation, keys: Iterable[str]) -> None:
    """Refuse channels that are not there, or whose instrument cannot say that it has no value."""
    profiles = profiles_of(installation)
    channels = {
        key: (profile, profile.channel(key))
        for device in installation.devices
        for profile in [profiles[device.key]]
        for key in channels_of(device, profile)
    }
    problems = []
    for key in keys:
        profile, channel = channels.get(key, (None, None))
        if profile is None or channel is None:
            problems.append(
                Problem(code="unknown-channel", message=f"there is no channel “{key}”", allowed=", ".join(channels))
            )
        elif profile.protocol == "modbus" and not can_say_nothing(channel):
            message = f"the profile declares no mark for “no value” of “{key}”"
            problems.append(Problem(code="no-mark", message=message, allowed="a float, or a channel with `invalid`"))
    if problems:
        raise InstallationError("not every channel can show “no value”", problems=problems)


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
