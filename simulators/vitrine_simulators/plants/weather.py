"""Weather of the southern Québec, as the plants need it: temperatures and humidity.

Normals 1991–2020 of Sherbrooke (Environment and Climate Change Canada): −10.5 °C in January, +19.4 °C in July. Local
solar noon is near 16:50 UTC. These signals are for showing and testing; they are no substitute for a weather file.
"""

from __future__ import annotations

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants.plant import DAY, YEAR

#: Seconds after midnight UTC of the local solar noon.
SOLAR_NOON = 16.84 * 3600.0
#: Seconds after the new year of the warmest day (21 July).
WARMEST = 201.0 * DAY
NEW_YEAR = 1_735_689_600.0  # 1 January 2025, 00:00 UTC


def season(time: Array, lag_s: float = 0.0) -> Array:
    """Return +1 on the warmest day of the year and −1 half a year later."""
    return np.asarray(np.cos(2.0 * np.pi * (time - NEW_YEAR - WARMEST - lag_s) / YEAR), dtype=np.float64)


def day(time: Array, lag_s: float = 0.0) -> Array:
    """Return +1 at the local solar noon (later by the lag) and −1 twelve hours later."""
    return np.asarray(np.cos(2.0 * np.pi * (time - SOLAR_NOON - lag_s) / DAY), dtype=np.float64)


def air_temperature(noise: Noise, time: Array) -> Array:
    """Return the outdoor temperature in °C: season, weather systems of three days, day and gusts."""
    systems = 4.5 * noise.smooth("weather/systems", time, 3.0 * DAY)
    daily = (3.6 + 1.4 * season(time)) * day(time, 2.5 * 3600.0)
    return 4.8 + 14.6 * season(time) + systems + daily + 0.35 * noise.smooth("weather/gusts", time, 1200.0)


def relative_humidity(noise: Noise, time: Array) -> Array:
    """Return the outdoor relative humidity in %, highest before dawn."""
    swing = -9.0 * day(time, 2.5 * 3600.0) + 9.0 * noise.smooth("weather/humidity", time, 1.5 * DAY)
    return np.clip(74.0 + swing, 25.0, 99.0)


def saturation_pressure(celsius: Array) -> Array:
    """Return the saturation pressure of water vapour in Pa (Magnus form, Alduchov and Eskridge 1996)."""
    return np.asarray(610.94 * np.exp(17.625 * celsius / (celsius + 243.04)), dtype=np.float64)


def sunshine(noise: Noise, time: Array) -> Array:
    """Return the global irradiance on the ground in W/m², from the sun's height at 45.4° north and the clouds."""
    declination = np.radians(23.44) * season(time, -30.0 * DAY)
    latitude, hour_angle = np.radians(45.4), 2.0 * np.pi * (time - SOLAR_NOON) / DAY
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    clear = np.maximum(height, 0.0) * 1050.0
    return np.asarray(clear * (1.0 - 0.75 * cloud_cover(noise, time)), dtype=np.float64)


def cloud_cover(noise: Noise, time: Array) -> Array:
    """Return the share of the sky that clouds hide."""
    return np.clip(0.55 + 0.4 * noise.smooth("weather/clouds", time, 3.0 * 3600.0), 0.1, 0.95)


def wind_speed(noise: Noise, time: Array) -> Array:
    """Return the wind in m/s at some metres above the ground: a median of 2.7, weather of half a day, gusts."""
    weather = 0.45 * noise.smooth("weather/wind", time, 0.5 * DAY)
    return np.asarray(np.exp(1.0 + weather + 0.2 * noise.smooth("weather/gusts", time, 120.0)), dtype=np.float64)


def snowfall(noise: Noise, time: Array) -> Array:
    """Return fresh snow in cm/h: storms of about half a day, a few in a month, where the air is below +0.5 °C."""
    storm = np.maximum(noise.smooth("weather/storms", time, 0.6 * DAY) - 0.85, 0.0)
    return np.where(air_temperature(noise, time) < 0.5, 1.8 * storm, 0.0)
