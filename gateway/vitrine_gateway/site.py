"""An installation file together with the profiles of its devices: all that the gateway needs, checked at once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from vitrine.errors import InstallationError
from vitrine.i18n import Text
from vitrine.installation import Calibration, Channel, Device, Installation, QualityRules
from vitrine.installation_file import inspect, invalid
from vitrine.table_reader import Problems
from vitrine.units import UNITS, conversion
from vitrine_gateway import profiles, site_checks

_OF_A_DEVICE = re.compile(r"device\[(\d+)\]")
#: Mistakes that leave open which device is meant.
_OF_THE_FILE = frozenset({"repeated-key", "line-conflict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChannel:
    """One channel as this site wants it: ``value = profile's value × scale + shift``, in `unit`."""

    key: str
    name: Text
    unit: str
    quantity: str
    decimals: int
    source: profiles.Channel
    scale: float
    shift: float
    #: Seconds between two readings.
    every_s: float
    accuracy: str
    calibration: Calibration | None
    rules: QualityRules


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDevice:
    """One instrument with its profile and the channels that are read."""

    device: Device
    profile: profiles.Profile
    channels: tuple[SiteChannel, ...]

    @property
    def key(self) -> str:
        """Key of the device."""
        return self.device.key

    @property
    def groups(self) -> dict[float, frozenset[str]]:
        """Keys of the channels that are read together, by the seconds between two readings."""
        periods = sorted({channel.every_s for channel in self.channels})
        return {
            period: frozenset(channel.key for channel in self.channels if channel.every_s == period)
            for period in periods
        }

    @property
    def channel_keys(self) -> tuple[str, ...]:
        """Keys of the channels that are read."""
        return tuple(channel.key for channel in self.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What one gateway runs."""

    installation: Installation
    devices: tuple[SiteDevice, ...]
    #: Sensors that publish to the platform's own broker, which collectors read.
    central: tuple[SiteDevice, ...] = ()

    @property
    def sensors(self) -> frozenset[str]:
        """Keys of the devices that publish over MQTT."""
        return frozenset(device.key for device in self.devices if device.profile.protocol == "mqtt")

    def device(self, key: str) -> SiteDevice | None:
        """Return a device by its key."""
        return next((device for device in self.devices if device.key == key), None)


def load_site(path: Path) -> Site:
    """Read an installation file and its profiles; InstallationError tells every mistake of all of them."""
    site, problems = inspect_site(path)
    if site is None or problems:
        raise invalid(path, problems)
    return site


def runnable_site(path: Path) -> tuple[Site, Problems]:
    """Read a site without the devices that have mistakes, and return it with these mistakes.

    InstallationError where the mistakes lie elsewhere, or no device is left: then nothing can run.
    """
    site, problems = inspect_site(path)
    faulty = {int(found[1]) - 1 for one in problems if (found := _OF_A_DEVICE.match(one.key))}
    elsewhere = any(one.code in _OF_THE_FILE or not _OF_A_DEVICE.match(one.key) for one in problems)
    if site is None or elsewhere:
        raise invalid(path, problems)
    keys = {device.key for position, device in enumerate(site.installation.devices) if position not in faulty}
    devices = tuple(device for device in site.devices if device.key in keys)
    if not devices:
        if not problems:
            problems.note(
                "nothing-to-read",
                ("device",),
                "every device publishes to the platform's broker, so that there is nothing for a gateway to read",
                "vitrine catalogue apply, which tells the collectors of them",
            )
        raise invalid(path, problems)
    return replace(site, devices=devices), problems


def inspect_site(path: Path) -> tuple[Site | None, Problems]:
    """Read an installation file and its profiles, and return what was understood with the mistakes found."""
    installation, problems = inspect(path)
    if installation is None:
        return None, problems
    devices = []
    for position, device in enumerate(installation.devices):
        profile = _load_profile(device, position, path.parent, problems)
        if profile is None:
            continue
        site_checks.check_device(device, profile, position, problems)
        devices.append(SiteDevice(device=device, profile=profile, channels=_channels(device, profile)))
    site_checks.check_indicators(installation, {one.key: one.profile for one in devices}, problems)
    read = tuple(one for one in devices if not one.device.connection.central)
    central = tuple(one for one in devices if one.device.connection.central)
    return Site(installation=installation, devices=read, central=central), problems


def _load_profile(device: Device, position: int, base: Path, problems: Problems) -> profiles.Profile | None:
    if not device.profile:
        return None
    try:
        return profiles.load(device.profile, base)
    except InstallationError as error:
        if profiles.is_path(device.profile) and error.problems and error.problems[0].where:
            problems.extend(error.problems)
        else:
            allowed = error.problems[0].allowed if error.problems else ""
            problems.note("unknown-profile", ("device", position, "profile"), error.message, allowed)
        return None


def _channels(device: Device, profile: profiles.Profile) -> tuple[SiteChannel, ...]:
    """Return the channels in the order of the file, or of the profile where the file names none."""
    wanted = device.channels or tuple(Channel(key=source.key) for source in profile.channels)
    sources = {source.key: source for source in profile.channels}
    known = (channel for channel in wanted if channel.key in sources)
    return tuple(_channel(sources[channel.key], channel, device.every_s) for channel in known)


def _channel(source: profiles.Channel, wanted: Channel, every_s: float) -> SiteChannel:
    unit, scale, shift = source.unit, 1.0, 0.0
    if wanted.unit in UNITS and UNITS[wanted.unit].dimension == UNITS[source.unit].dimension:
        unit = wanted.unit
        scale, shift = conversion(source.unit, unit)
    decimals = wanted.decimals
    if decimals is None:
        decimals = min(9, max(0, source.decimals - round(math.log10(abs(scale)))))
    return SiteChannel(
        key=source.key,
        name=wanted.name if wanted.name.fr else source.name,
        unit=unit,
        quantity=source.quantity,
        decimals=decimals,
        source=source,
        scale=scale,
        shift=shift,
        every_s=wanted.every_s or every_s,
        accuracy=wanted.accuracy,
        calibration=wanted.calibration,
        rules=wanted.rules,
    )
