"""One challenge: an installation, a period, its blind faults, and what the database holds of it in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vitrine.errors import ConfigurationError, VitrineError
from vitrine_demo.challenge.blind import blind_faults
from vitrine_demo.challenge.collection import Collection, Judged
from vitrine_demo.challenge.edge import Edge
from vitrine_demo.challenge.field import Field, Shown, instants_of
from vitrine_demo.challenge.stretched import stretched
from vitrine_demo.challenge.traits import traits_of
from vitrine_demo.challenge.virtual_time import VirtualTime
from vitrine_gateway.site import Site, SiteChannel, SiteDevice, load_site
from vitrine_simulators.binding import as_read, bind
from vitrine_simulators.faults import Fault, Occurrence, expand
from vitrine_simulators.noise import Array
from vitrine_simulators.sources import PlantChoice, plant_for

#: Computed at a time, in seconds.
_STRETCH_S = 21_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is run."""

    seed: int
    #: Seconds since 1970 UTC; `end` is excluded.
    begin: float
    end: float
    #: No channel is read more often than every so many seconds.
    at_least_s: float
    #: Declared faults in place of blind ones.
    declared: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, and what was found of it."""

    site: Site
    setting: Setting
    truth: list[Occurrence]
    flags: dict[str, Judged]
    #: What each channel would have shown without faults, at the slots of its readings.
    sound: dict[str, Array]
    rows: int


def run(path: Path, url: str, setting: Setting, progress: Callable[[float], None]) -> Outcome:
    """Send an installation's week through the whole way into an empty database; `progress` gets the share done."""
    site = stretched(load_site(path), setting.at_least_s)
    plant = plant_for(site.installation, PlantChoice.MODEL, setting.seed)
    _check_simulated(site)
    bindings = bind(site.installation, plant.signals)
    if setting.declared:
        truth = expand(setting.declared, setting.seed, setting.begin, setting.end)
    else:
        sound = Shown(plant, site, bindings, ()).sound
        truth = blind_faults(
            traits_of(site, bindings, sound, setting.begin, setting.end), setting.seed, setting.begin, setting.end
        )
    shown = Shown(plant, site, bindings, truth)
    now = VirtualTime(setting.begin)
    with TemporaryDirectory(prefix="vitrine-challenge-") as folder:
        collection = Collection(url, now, lambda records: edge.acknowledged(records))
        edge = Edge(site, Field(shown, bindings, now), now, Path(folder), collection.hear)
        try:
            asyncio.run(_week(edge, shown, setting, progress))
            collection.finish()
            flags = collection.judged(site.installation.slug)
            if edge.waiting:
                raise VitrineError(f"{edge.waiting} records of the challenge were never acknowledged")
        finally:
            edge.close()
            collection.close()
    _check_complete(site, setting, flags)
    slots = {
        f"{device.key}/{channel.key}": _instants(device, channel, setting)
        for device in site.devices
        for channel in device.channels
    }
    sound_values = {
        path: as_read(bound, path.partition("/")[2], plant.values(slots[path])[path])
        for bound in bindings
        for path in (f"{bound.device.key}/{key}" for key in bound.to_profile)
    }
    return Outcome(site, setting, truth, flags, sound_values, collection.rows)


async def _week(edge: Edge, shown: Shown, setting: Setting, progress: Callable[[float], None]) -> None:
    edge.begin()
    begin = setting.begin
    while begin < setting.end:
        end = min(begin + _STRETCH_S, setting.end)
        shown.prepare(begin, end)
        await edge.work(begin, end)
        begin = end
        progress((begin - setting.begin) / (setting.end - setting.begin))


def _check_simulated(site: Site) -> None:
    nodes = [device.key for device in site.devices if device.profile.mqtt.dialect == "sparkplug"]
    if nodes:
        raise ConfigurationError(
            f"a challenge has no wire for the Sparkplug node of {', '.join(nodes)}",
            hint="Leave the device out of a copy of the file: its quality rules are judged as any other's.",
        )


def _check_complete(site: Site, setting: Setting, flags: dict[str, Judged]) -> None:
    """Raise where a reading did not come through: nothing may be lost on the way."""
    for device in site.devices:
        for channel in device.channels:
            path = f"{device.key}/{channel.key}"
            sent = len(_instants(device, channel, setting))
            if len(flags[path]) != sent:
                raise VitrineError(f"{path}: {sent} readings were sent and {len(flags[path])} are in the database")


def _instants(device: SiteDevice, channel: SiteChannel, setting: Setting) -> Array:
    """Return the slots of a channel; an instrument that measures when told to is stamped seconds after its slot."""
    return instants_of(channel.every_s, device.device.phase_s, setting.begin, setting.end)
