"""An installation file bound to a plant: which signal each channel shows, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitrine.errors import ConfigurationError, Problem
from vitrine.installation import Device, Installation
from vitrine.units import UNITS, conversion
from vitrine_gateway.profiles import Profile, load
from vitrine_simulators.noise import Array
from vitrine_simulators.plants import PLANTS, Plant
from vitrine_simulators.registers import raw_limits, step

_FLOATS = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True, slots=True)
class Bound:
    """One device with its profile and the channels that the plant knows."""

    device: Device
    profile: Profile
    #: Channel → (scale, shift) from the plant's unit to the profile's.
    to_profile: dict[str, tuple[float, float]]
    #: Channel → (scale, shift) from the profile's unit to the site's.
    to_site: dict[str, tuple[float, float]]


def channels_of(device: Device, profile: Profile) -> list[str]:
    """Return the keys of the channels that a gateway reads of a device."""
    chosen = {channel.key for channel in device.channels}
    return [channel.key for channel in profile.channels if not chosen or channel.key in chosen]


def profiles_of(installation: Installation) -> dict[str, Profile]:
    """Return the profile of each device."""
    base = Path(installation.path).parent
    return {device.key: load(device.profile, base) for device in installation.devices}


def plant_of(installation: Installation, seed: int) -> Plant:
    """Return the plant behind an installation; ConfigurationError where there is no model of it."""
    if installation.slug not in PLANTS:
        raise ConfigurationError(
            f"there is no model of the installation “{installation.slug}”",
            hint=f"Models exist for: {', '.join(PLANTS)}. “--plant counting” serves any file with numbered values.",
        )
    return PLANTS[installation.slug](seed)


def bind(installation: Installation, signals: Mapping[str, str]) -> list[Bound]:
    """Bind every channel of a file to a signal; ConfigurationError names the channels that have none."""
    profiles, problems, found = profiles_of(installation), [], []
    for device in installation.devices:
        bound = Bound(device, profiles[device.key], {}, {})
        for key in channels_of(device, bound.profile):
            problem = _bind_channel(bound, key, signals.get(f"{device.key}/{key}"))
            if problem:
                problems.append(problem)
        found.append(bound)
    if problems:
        raise ConfigurationError(
            f"the model does not know every channel of {installation.path}",
            hint="Name the channels to read under [[device.channel]], or use “--plant counting”.",
            problems=problems,
        )
    return found


def _bind_channel(bound: Bound, key: str, unit: str | None) -> Problem | None:
    channel = bound.profile.channel(key)
    path = f"{bound.device.key}/{key}"
    if channel is None or unit is None:
        return Problem(code="no-signal", message="nothing simulates this channel", key=path)
    site_unit = next((site.unit for site in bound.device.channels if site.key == key and site.unit), channel.unit)
    for other in (channel.unit, site_unit):
        if UNITS[other].dimension != UNITS[unit].dimension:
            return Problem(code="wrong-unit", message=f"the model gives {unit}, which is no {other}", key=path)
    bound.to_profile[key] = conversion(unit, channel.unit)
    bound.to_site[key] = conversion(channel.unit, site_unit)
    return None


def history(installation: Installation, plant: Plant, start: float, end: float, step_s: float) -> dict[str, Array]:
    """Return what the gateway would have read every `step_s` seconds, from `start` up to `end`, in the site's units.

    Values pass through the instrument's registers, so they have the same resolution as the live ones.
    """
    values = plant.values(instants(start, end, step_s))
    return {
        f"{bound.device.key}/{key}": as_read(bound, key, values[f"{bound.device.key}/{key}"])
        for bound in bind(installation, plant.signals)
        for key in bound.to_profile
    }


def as_read(bound: Bound, key: str, values: Array) -> Array:
    """Return what a gateway reads of a signal (plant's unit, shape (n,)) through the registers, in the site's unit."""
    channel = bound.profile.channel(key)
    assert channel is not None
    scale, shift = bound.to_profile[key]
    shown = values * scale + shift
    if bound.profile.protocol == "modbus":
        raw = (shown - channel.offset) / step(channel)
        whole = channel.type not in _FLOATS
        raw = np.clip(np.rint(raw), *raw_limits(channel)) if whole else raw.astype(_FLOATS[channel.type])
        shown = raw.astype(np.float64) * step(channel) + channel.offset
    else:
        shown = np.round(shown, channel.decimals + 1)
    scale, shift = bound.to_site[key]
    return np.asarray(shown * scale + shift, dtype=np.float64)


def instants(start: float, end: float, step_s: float) -> Array:
    """Return the instants of `history`: every step from `start` on, `end` excluded."""
    return np.arange(start, end, step_s)
