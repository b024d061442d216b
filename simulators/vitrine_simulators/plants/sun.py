"""The sun over a site: where it stands, what a clear sky lets through, what falls on a tilted plane.

- Position: the low-precision formulas of the Astronomical Almanac (Michalsky 1988, Solar Energy 40, 227–235): within
  0.02° from 1950 to 2050, refraction left out.
- Global irradiance of a clear sky: Haurwitz 1945, J. Meteorology 2, 154–166: 1098 · cos z · exp(−0.059 / cos z) W/m².
- Share of diffuse light: Erbs, Klein and Duffie 1982, Solar Energy 28, 293–302, from the clearness index.
- Onto the plane: direct light by geometry, diffuse light with its circumsolar part (Hay and Davies 1980), light from
  the ground by albedo.

The tests compare each of them with pvlib.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitrine_simulators.noise import Array

#: Seconds since 1970 of 1 January 2000, 12:00 UTC.
_J2000 = 946_728_000.0
SOLAR_CONSTANT = 1366.1  # W/m² (ASTM E 490)
#: The sun must stand above this cosine of the zenith angle for a share of direct light to mean anything.
_LOWEST = 0.065


@dataclass(frozen=True, slots=True)
class Position:
    """Where the sun stands, all angles in radians; azimuth from north over east."""

    zenith: Array
    azimuth: Array
    #: Irradiance on a plane that faces the sun, outside the atmosphere, W/m².
    extraterrestrial: Array


@dataclass(frozen=True, slots=True)
class Plane:
    """A tilted surface; azimuth from north over east (south is 180)."""

    tilt_deg: float
    azimuth_deg: float
    albedo: float = 0.2


def position(time: Array, latitude_deg: float, longitude_deg: float) -> Position:
    """Return where the sun stands at some times, seen from a place; longitude east positive."""
    days = (time - _J2000) / 86_400.0
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2.0 * anomaly))
    obliquity = np.radians(23.439 - 4.0e-7 * days)
    right_ascension = np.arctan2(np.cos(obliquity) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(longitude))
    hours = time % 86_400.0 / 3600.0
    # The almanac counts the days at the instant itself, the fraction included
    sidereal = np.radians((6.697375 + 0.0657098242 * days + hours) * 15.0 + longitude_deg)
    hour_angle = sidereal - right_ascension
    latitude = np.radians(latitude_deg)
    up = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    south = np.sin(latitude) * np.cos(declination) * np.cos(hour_angle) - np.cos(latitude) * np.sin(declination)
    azimuth = np.arctan2(np.sin(hour_angle) * np.cos(declination), south) + np.pi
    distance = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2.0 * anomaly)
    return Position(np.arccos(np.clip(up, -1.0, 1.0)), azimuth, SOLAR_CONSTANT / distance**2)


def clear_sky(sun: Position) -> Array:
    """Return the global irradiance on the ground under a clear sky, W/m²."""
    up = np.maximum(np.cos(sun.zenith), 1e-6)
    return np.where(np.cos(sun.zenith) > 0, 1098.0 * up * np.exp(-0.059 / up), 0.0)


def on_plane(sun: Position, global_horizontal: Array, plane: Plane) -> Array:
    """Return the irradiance on a plane, W/m², from the global irradiance on the ground."""
    up = np.maximum(np.cos(sun.zenith), _LOWEST)
    clearness = np.clip(global_horizontal / (sun.extraterrestrial * up), 0.0, 1.0)
    share = np.where(np.cos(sun.zenith) > _LOWEST, _diffuse_share(clearness), 1.0)
    diffuse = share * global_horizontal
    normal = (global_horizontal - diffuse) / up
    tilt, facing = np.radians(plane.tilt_deg), np.radians(plane.azimuth_deg)
    incidence = np.cos(sun.zenith) * np.cos(tilt) + np.sin(sun.zenith) * np.sin(tilt) * np.cos(sun.azimuth - facing)
    hits = np.maximum(incidence, 0.0)
    circumsolar = normal / sun.extraterrestrial
    sky = diffuse * (circumsolar * hits / up + (1.0 - circumsolar) * (1.0 + np.cos(tilt)) / 2.0)
    ground = global_horizontal * plane.albedo * (1.0 - np.cos(tilt)) / 2.0
    return np.asarray(normal * hits + sky + ground, dtype=np.float64)


def _diffuse_share(clearness: Array) -> Array:
    """Return the diffuse share of the global irradiance (Erbs, Klein and Duffie 1982, equation 1)."""
    middle = 0.9511 - 0.1604 * clearness + 4.388 * clearness**2 - 16.638 * clearness**3 + 12.336 * clearness**4
    return np.where(clearness <= 0.22, 1.0 - 0.09 * clearness, np.where(clearness <= 0.8, middle, 0.165))
