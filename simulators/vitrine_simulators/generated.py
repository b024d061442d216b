"""Plausible values for instruments without a model: within what their quantity usually is, and never at rest.

A value is the sum of three waves of a day, three quarters of an hour and a minute, whose phases come from the seed and
the name of the channel; a counter is the integral of such a rate, in closed form. So the same instant gives the same
value, at any speed and after any stop. Ranges are everyday ones, chosen by us to be recognised, and model nothing.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from vitrine.installation import Channel as SiteChannel
from vitrine.units import UNITS, conversion
from vitrine_gateway.profiles import Channel, Profile
from vitrine_simulators.noise import Array
from vitrine_simulators.plants.plant import COMMISSIONED
from vitrine_simulators.registers import largest

#: Share of the half range, and period in seconds; periods without a common multiple.
_WAVES = ((0.55, 86_400.0), (0.3, 2_711.0), (0.15, 61.0))
#: Usual range of a quantity, with its unit.
_QUANTITIES = {
    "current": (2.0, 8.0, "A"),
    "battery": (70.0, 90.0, "%"),
    "concentration": (2.0, 8.0, "mg/L"),
    "dissolved_oxygen": (6.0, 9.0, "mg/L"),
    "ammonium": (2.0, 12.0, "mg/L"),
    "chemical_oxygen_demand": (40.0, 120.0, "mg/L"),
    "oxygen_saturation": (0.7, 0.95, "1"),
    "suspended_solids": (10.0, 50.0, "mg/L"),
    "power_factor": (0.85, 0.99, "1"),
    "relative_humidity": (35.0, 60.0, "%"),
    "voltage_thd": (1.0, 3.0, "%"),
}
#: The same by dimension, for all other quantities. A counter has the range of its rate, in its unit an hour.
_DIMENSIONS = {
    "one": (0.2, 0.8, "1"),
    "length": (0.5, 2.0, "m"),
    "area": (20.0, 40.0, "m2"),
    "absorption": (5.0, 15.0, "1/m"),
    "mass": (10.0, 50.0, "kg"),
    "volume_flow": (2.0, 8.0, "m3/h"),
    "mass_flow": (0.5, 2.0, "kg/s"),
    "volumetric_load": (1.0, 3.0, "kg/m3/d"),
    "rate": (0.5, 1.5, "m3/m3/d"),
    "specific_volume": (100.0, 400.0, "m3/t"),
    "specific_area": (0.1, 0.4, "m2/g"),
    "radiant_exposure": (30.0, 60.0, "mJ/cm2"),
    "density": (990.0, 1005.0, "kg/m3"),
    "speed": (0.5, 5.0, "m/s"),
    "pressure": (980.0, 1030.0, "mbar"),
    "temperature": (15.0, 25.0, "Cel"),
    "turbidity": (0.5, 5.0, "{NTU}"),
    "voltage": (225.0, 235.0, "V"),
    "current": (2.0, 8.0, "A"),
    "frequency": (59.95, 60.05, "Hz"),
    "power": (0.5, 2.5, "kW"),
    "apparent_power": (0.6, 2.7, "kV.A"),
    "reactive_power": (0.1, 0.6, "k{var}"),
    "energy_per_volume": (0.3, 0.6, "kW.h/m3"),
    "energy_per_mass": (0.3, 0.6, "kW.h/kg"),
    "conductivity": (200.0, 600.0, "uS/cm"),
    "acidity": (6.8, 7.6, "[pH]"),
    "irradiance": (100.0, 800.0, "W/m2"),
    "angle": (90.0, 270.0, "deg"),
}
_COUNTERS = {
    "energy": (0.5, 2.5, "kW.h"),
    "reactive_energy": (0.1, 0.6, "k{var}.h"),
    "apparent_energy": (0.6, 2.7, "kV.A.h"),
    "volume": (2.0, 8.0, "m3"),
    "time": (1.0, 1.0, "h"),
}
#: Range in units that no instrument shows, but indicators do.
_ELSE = (0.2, 0.8)
_HOUR = 3600.0
#: Share of a site's own range, or of a register's, that is used.
_INNER = 0.6


@dataclass(frozen=True, slots=True)
class Course:
    """How one channel goes, in the profile's unit."""

    middle: float
    half: float
    phases: tuple[float, ...]
    counter: bool = False
    #: A counter begins anew there, as its register does.
    rollover: float = math.inf
    whole: bool = False

    def at(self, now: float) -> float:
        """Return the value at an instant."""
        value = self._count(now) % self.rollover if self.counter else self.middle + self.half * self._wave(now)
        return float(round(value)) if self.whole else value

    def _wave(self, now: float) -> float:
        waves = zip(_WAVES, self.phases, strict=True)
        return sum(share * math.sin(math.tau * (now / period + phase)) for (share, period), phase in waves)

    def _count(self, now: float) -> float:
        past = now - COMMISSIONED
        waves = zip(_WAVES, self.phases, strict=True)
        swing = sum(
            share * period / math.tau * (math.cos(math.tau * phase) - math.cos(math.tau * (past / period + phase)))
            for (share, period), phase in waves
        )
        return (self.middle * past + self.half * swing) / _HOUR


class GeneratedPlant:
    """Values for any channels, made from their profiles."""

    def __init__(self, courses: Mapping[str, Course], units: Mapping[str, str]) -> None:
        """Take a course for each ``device/channel``, and the unit in which it is."""
        self._courses, self._units = dict(courses), dict(units)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._units

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times (seconds since 1970 UTC)."""
        return {path: np.array([course.at(now) for now in times.tolist()]) for path, course in self._courses.items()}

    def read(self, path: str, now: float) -> float:
        """Return what the sensor of a signal sees."""
        return self._courses[path].at(now)


def generated(channels: Iterable[tuple[str, Profile, Channel, SiteChannel | None]], seed: int) -> GeneratedPlant:
    """Return a plant for channels, each with its path ``device/channel`` and what the site says of it."""
    courses, units = {}, {}
    for path, profile, channel, site in channels:
        most = largest(channel) if profile.protocol == "modbus" else math.inf
        courses[path], units[path] = course_of(path, channel, site, seed, most), channel.unit
    return GeneratedPlant(courses, units)


def course_of(path: str, channel: Channel, site: SiteChannel | None, seed: int, most: float = math.inf) -> Course:
    """Return the course of one channel: within the range that the site declares, or else that of its quantity.

    `most` is the greatest value that the instrument can show: counters begin anew there, other values stay below.
    """
    phases = tuple(zlib.crc32(f"{seed}/{path}/{number}".encode()) / 2**32 for number in range(len(_WAVES)))
    if channel.labels or channel.mqtt.boolean or channel.quantity == "status":
        return Course(float(min(channel.labels, default=0)), 0.0, phases, whole=True)
    if UNITS[channel.unit].dimension in _COUNTERS:
        low, high, unit = _COUNTERS[UNITS[channel.unit].dimension]
        scale, _ = conversion(unit, channel.unit)
        middle, half = (low + high) / 2 * scale, (high - low) / 2 * scale
        return Course(middle, half, phases, counter=True, rollover=most)
    low, high = _of_site(channel, site) or _usual(channel)
    if high > most:
        low, high = _middle(min(channel.offset, most), most)
    return Course((low + high) / 2, (high - low) / 2, phases)


def _usual(channel: Channel) -> tuple[float, float]:
    dimension = UNITS[channel.unit].dimension
    of_dimension = _DIMENSIONS.get(dimension, (*_ELSE, channel.unit))
    low, high, unit = _QUANTITIES.get(channel.quantity, of_dimension)
    if UNITS[unit].dimension != dimension:
        low, high, unit = of_dimension
    scale, shift = conversion(unit, channel.unit)
    return low * scale + shift, high * scale + shift


def _of_site(channel: Channel, site: SiteChannel | None) -> tuple[float, float] | None:
    """Return the middle of the range that a site expects, in the profile's unit."""
    found = site.rules.gross_range_suspect or site.rules.gross_range_fail if site else None
    if found is None or site is None:
        return None
    scale, shift = conversion(site.unit or channel.unit, channel.unit)
    low, high = (limit * scale + shift for limit in found)
    return _middle(low, high)


def _middle(low: float, high: float) -> tuple[float, float]:
    margin = (high - low) * (1 - _INNER) / 2
    return low + margin, high - margin
