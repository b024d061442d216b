"""One run of ``vitrine simulate``: files checked, faults scheduled, instruments served until a signal comes."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vitrine.errors import ConfigurationError, Problem
from vitrine.installation import Installation
from vitrine.logs import logger
from vitrine_gateway.site import load_site
from vitrine_simulators.binding import bind
from vitrine_simulators.edge_node import edge_node
from vitrine_simulators.faults import KINDS, Fault, Schedule, TruthLog, load_faults
from vitrine_simulators.faulty_source import FaultySource
from vitrine_simulators.field import UPLINK, FaultyField, QuietField
from vitrine_simulators.gateway_process import GatewayProcess
from vitrine_simulators.plant_time import PlantTime
from vitrine_simulators.plants import COMMISSIONED, PLANTS, Source
from vitrine_simulators.relay import Relay
from vitrine_simulators.silenced import Silenced, check_silent
from vitrine_simulators.simulation import Simulation
from vitrine_simulators.sources import PlantChoice, counting, plant_for
from vitrine_simulators.sparkplug_node import SparkplugNode
from vitrine_simulators.weather import FINE

_log = logger("simulators")
#: What runs beside the instruments.
_Other = Relay | GatewayProcess | SparkplugNode
#: Seconds between two looks at what has begun.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
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
    #: Folder of the data of a gateway that is run too.
    gateway: Path | None = None
    #: Broker behind the address of the installation's uplink.
    uplink_to: tuple[str, int] | None = None
    #: The installations speak Sparkplug B themselves; their instruments are not served.
    edge_node: bool = False


def run(files: Sequence[Path], wishes: Wishes) -> None:
    """Serve the instruments of these files until SIGINT or SIGTERM."""
    installations = [one.installation for one in map(load_site, files)]
    _check(installations, wishes)
    faults = load_faults(wishes.faults, installations[0]) if wishes.faults else []
    _check_reach(faults, wishes)
    schedule = Schedule(faults, wishes.seed, math.floor(time.time())) if wishes.faults else None
    time_of_plant = PlantTime(wishes.speed, wishes.begin).now
    field = FaultyField(faults, schedule) if schedule else QuietField()
    simulation = Simulation(time_of_plant, field)
    others: list[_Other] = []
    for installation in installations:
        source = _source(installation, wishes, schedule, time_of_plant())
        if wishes.edge_node:
            others.append(edge_node(installation, source, time_of_plant))
        else:
            simulation.add(installation, source)
    truth = TruthLog(wishes.truth) if wishes.truth else None
    if wishes.uplink_to:
        uplink, target = installations[0].gateway.uplink, wishes.uplink_to
        others.append(Relay((uplink.host, uplink.port), lambda: target, field.weather([UPLINK]) or (lambda: FINE)))
    if wishes.gateway:
        others.append(GatewayProcess(files[0], wishes.gateway, schedule, truth))
    try:
        asyncio.run(_serve(simulation, others, _tell(schedule, truth) if schedule and truth else None))
    finally:
        if truth:
            truth.close()


def _check(installations: Sequence[Installation], wishes: Wishes) -> None:
    """Refuse wishes that do not go together."""
    single = {"--faults": wishes.faults, "--gateway": wishes.gateway, "--uplink-to": wishes.uplink_to}
    if len(installations) != 1 and (several := [name for name, value in single.items() if value]):
        raise ConfigurationError(
            f"{', '.join(several)}: that belongs to one installation",
            hint="Start one “vitrine simulate” for each installation.",
        )
    if wishes.edge_node and wishes.gateway:
        raise ConfigurationError(
            "an installation that is its own edge node has no gateway", hint="Either --edge-node or --gateway."
        )
    modelled = wishes.plant is PlantChoice.MODEL and any(one.slug in PLANTS for one in installations)
    if modelled and wishes.begin is not None and wishes.begin < COMMISSIONED:
        raise ConfigurationError(
            "the plants of the models were commissioned on 1 September 2025",
            hint="Name that day or a later one with --begin, or take “--plant profile”.",
        )
    if wishes.truth and not wishes.faults:
        raise ConfigurationError("a truth log without faults would stay empty", hint="Name them with --faults.")
    if wishes.faults and (wishes.speed != 1.0 or wishes.begin is not None):
        raise ConfigurationError(
            "faults come in real time, since the truth log speaks of the time that gateways stamp with",
            hint="Leave out --speed and --begin.",
        )


def _check_reach(faults: Sequence[Fault], wishes: Wishes) -> None:
    """Refuse faults of what this run does not have in its hands, all at once."""
    problems = []
    for fault in faults:
        family = KINDS[fault.kind].family
        needed = ""
        if family in ("clock", "power") and not wishes.gateway:
            needed = "--gateway FOLDER, which runs the gateway too"
        elif family == "network" and not fault.device and not wishes.uplink_to:
            needed = "--uplink-to HOST:PORT, the broker behind the uplink, or a device"
        if needed:
            message = f"nothing here can suffer a fault “{fault.kind}”"
            where = str(wishes.faults)
            key = f"fault[{fault.number}]"
            problems.append(Problem(code="out-of-reach", message=message, where=where, key=key, allowed=needed))
    if problems:
        raise ConfigurationError("not every fault can happen in this run", problems=problems)


def _source(installation: Installation, wishes: Wishes, schedule: Schedule | None, now: float) -> Source:
    if wishes.plant is PlantChoice.COUNTING:
        return counting(installation, wishes.log)
    plant = plant_for(installation, wishes.plant, wishes.seed)
    # A model that is stepped takes seconds to come to the present: no instrument answers before
    plant.values(np.array([max(now, COMMISSIONED)]))
    if plant.generated:
        _log.info("values from the profiles alone", installation=installation.slug, channels=len(plant.generated))
    source: Source = FaultySource(plant, bind(installation, plant.signals), schedule) if schedule else plant
    if wishes.no_value:
        check_silent(installation, wishes.no_value)
        source = Silenced(source, wishes.no_value)
    return source


async def _serve(
    simulation: Simulation,
    others: Sequence[_Other],
    telling: Coroutine[Any, Any, None] | None,
) -> None:
    stop, ready = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(simulation.run(stop, ready)), asyncio.create_task(stop.wait())]
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    tasks += [asyncio.create_task(one.run_until(stop)) for one in others if ready.is_set()]
    told = asyncio.create_task(telling) if telling else None
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        if told:
            told.cancel()
        for task in reversed(tasks):  # the gateway ends before its instruments; the first error is the one to tell
            await task


async def _tell(schedule: Schedule, truth: TruthLog) -> None:
    """Write down each fault when it begins; those of power are told by who carries them out, when they are over."""
    told = schedule.started
    while True:
        now = time.time()
        for occurrence in schedule.between(told, now):
            if occurrence.family != "power":
                truth.add(occurrence)
        told = now
        await asyncio.sleep(_LOOK_S)
