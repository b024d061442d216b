"""A digester of 50 m³ at 38 °C that takes two tonnes a day of residues and manure, a quarter of an hour in each hour.

- Biology and gas: `digestion.py`, stepped every quarter of an hour. The feed has 105 g/L of total solids, of which 14 %
  are fixed, and 1.42 kg of COD for each kilogram of volatile solids (that of cells, C₅H₇NO₂).
- Overload: in most blocks of three weeks a delivery of sweet fruit residues, thicker and easily hydrolysed, comes for
  two days and a half at more than twice the usual mass; the operator then stops the feed until the acids are gone.
- Gas leaves saturated with water at the temperature of its pipe (Magnus form of `weather.py`), as an ideal gas.
- Heat: C dT/dt = η·P − m c (T − T_feed) − UA (T − T_out); C of 51.5 t of slurry at 4.0 kJ/(kg·K), UA 60 W/K; the
  electric heater follows a proportional thermostat, the mixers take 900 W.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.digestion import Gas, Tank, acidity, react
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.stepping import Rows, between, counter, instants, place

STEP_S = 900.0
_STEP_D = STEP_S / DAY
_STEPS_A_DAY = 96
VOLUME_M3 = 50.0
FEED_KG_D = 2000.0
DENSITY = 1030.0  # kg/m³
COD_PER_VS = 1.42
FEED = Tank(30.0, 66.0, 32.0, 0.0, 0.0, 0.0, 0.02, 0.05, 0.03, 14.7)
SWEET_COD = 100.0  # kg/m³ more of what is quickly hydrolysed
BLOCK_S = 21.0 * DAY
OVERLOAD_S, PAUSE_S = 2.5 * DAY, 1.5 * DAY
DRY_BAR = 0.944  # 101 kPa less the vapour at 38 °C
NORMAL_M3_KMOL = 22.414
HEAT_J_K = VOLUME_M3 * DENSITY * 4000.0
LOSS_W_K = 60.0
HEATER_W, HEATER_W_K = 16_000.0, 24_000.0
HEATER_EFFICIENCY = 0.98
WANTED = 38.2
MIXERS_W = 900.0

_START = Tank(0.6, 9.7, 32.0, 6.0, 0.12, 2.7, 0.14, 0.10, 0.03, 14.7)


class _Row(NamedTuple):
    ph: float
    celsius: float
    solids: float  # kg/m³
    methane: float  # kmol/d
    carbon_dioxide: float  # kmol/d
    power: float  # W
    energy: float  # J before the step


class Digester:
    """The digester; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 4000)
        self._rows = Rows(self._run(), _Row._fields)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "feed/mass-flow": "kg/h",
            "feed-solids/suspended-solids": "g/L",
            "digestate-solids/suspended-solids": "g/L",
            "tank/ph": "[pH]",
            "tank/temperature": "Cel",
            "gas/flow": "m3/h",
            "gas-pressure/pressure": "kPa",
            "gas-quality/methane": "%",
            "gas-quality/carbon-dioxide": "%",
            "gas-quality/water": "%",
            "gas-quality/sensor-temperature": "Cel",
            "meter/power": "W",
            "meter/energy-import": "kW.h",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        at = place(times, STEP_S)
        rows = self._rows.reach(at.last)
        now = {name: between(column, at) for name, column in rows.items()}
        noise = self._noise
        pipe, pressure = self._pipe(times), self._pressure(times)
        vapour = weather.saturation_pressure(pipe) / 1000.0
        dry, amount = 1.0 - vapour / pressure, now["methane"] + now["carbon_dioxide"]
        flow = amount / 24.0 * NORMAL_M3_KMOL * 101.325 / (pressure - vapour) * (pipe + 273.15) / 273.15
        methane = np.divide(now["methane"], amount, out=np.full_like(amount, 0.6), where=amount > 1e-6)
        return {
            "feed/mass-flow": self._seen("feed", times, self._feed(times), 0.003),
            "feed-solids/suspended-solids": self._seen("solids-in", times, self._feed_solids(times), 0.015),
            "digestate-solids/suspended-solids": self._seen("solids-out", times, now["solids"], 0.015),
            "tank/ph": now["ph"] + 0.008 * noise.normal("ph", times),
            "tank/temperature": now["celsius"] + 0.01 * noise.normal("celsius", times),
            "gas/flow": self._seen("gas", times, flow * (1.0 + 0.03 * noise.smooth("bubbles", times, 240.0)), 0.008),
            "gas-pressure/pressure": pressure + 0.02 * noise.normal("pressure", times),
            "gas-quality/methane": self._seen("methane", times, 100.0 * methane * dry, 0.003),
            "gas-quality/carbon-dioxide": self._seen("dioxide", times, 100.0 * (1.0 - methane) * dry, 0.004),
            "gas-quality/water": self._seen("water", times, 100.0 * (1.0 - dry), 0.01),
            "gas-quality/sensor-temperature": pipe + 0.05 * noise.normal("pipe", times),
            "meter/power": self._seen("power", times, now["power"], 0.006),
            "meter/energy-import": counter(rows["power"], rows["energy"], at, STEP_S) / 3.6e6,
        }

    def _seen(self, stream: str, times: Array, values: Array, deviation: float) -> Array:
        return np.asarray(values * (1.0 + deviation * self._noise.normal(stream, times)), dtype=np.float64)

    def _pipe(self, times: Array) -> Array:
        """Return the temperature of the gas pipe, in a heated shed."""
        return np.asarray(20.0 + 4.0 * weather.season(times) + 2.5 * weather.day(times, 2.0 * 3600.0), dtype=np.float64)

    def _pressure(self, times: Array) -> Array:
        """Return the absolute pressure of the gas in kPa: that of the air and 2 kPa of the gas holder."""
        air = 99.2 + 1.1 * self._noise.smooth("barometer", times, 3.0 * DAY)
        return np.asarray(air + 2.0 + 0.15 * self._noise.smooth("holder", times, 1200.0), dtype=np.float64)

    # --- what is fed -------------------------------------------------------------------------------------------------

    def _delivery(self, times: Array) -> tuple[Array, Array]:
        """Return by what the mass fed is multiplied, and the share of the sweet delivery, 0 or 1."""
        block = np.floor((times - COMMISSIONED) / BLOCK_S)
        begins = COMMISSIONED + (block + 0.15 + 0.5 * self._noise.uniform("sweet/begins", block)) * BLOCK_S
        comes = self._noise.uniform("sweet/comes", block) < 0.85
        since = times - begins
        sweet = comes & (since >= 0) & (since < OVERLOAD_S)
        pause = comes & (since >= OVERLOAD_S) & (since < OVERLOAD_S + PAUSE_S)
        slow = comes & (since >= OVERLOAD_S + PAUSE_S) & (since < OVERLOAD_S + 2.0 * PAUSE_S)
        mass = 2.1 + 0.3 * self._noise.uniform("sweet/mass", block)
        usual = 1.0 + 0.05 * self._noise.smooth("feed/slow", times, 3.0 * DAY)
        return np.where(sweet, mass, np.where(pause, 0.0, np.where(slow, 0.5, usual))), sweet.astype(np.float64)

    def _feed(self, times: Array) -> Array:
        """Return the mass fed in kg/h: a quarter of an hour in each hour."""
        begin = COMMISSIONED + np.floor((times - COMMISSIONED) / 3600.0) * 3600.0
        factor, _ = self._delivery(begin)
        return np.where(times - begin < STEP_S, factor * FEED_KG_D / 24.0 * (3600.0 / STEP_S), 0.0)

    def _thickness(self, times: Array) -> Array:
        return np.asarray(1.0 + 0.05 * self._noise.smooth("thickness", times, 1.5 * DAY), dtype=np.float64)

    def _feed_solids(self, times: Array) -> Array:
        """Return the total solids of the feed in kg/m³."""
        _, sweet = self._delivery(times)
        usual = sum(FEED[:3]) / COD_PER_VS + FEED.fixed
        return np.asarray(self._thickness(times) * usual + sweet * SWEET_COD / COD_PER_VS, dtype=np.float64)

    @staticmethod
    def _feed_temperature(times: Array) -> Array:
        return np.asarray(12.0 + 6.0 * weather.season(times, 20.0 * DAY), dtype=np.float64)

    # --- the tank ----------------------------------------------------------------------------------------------------

    def _run(self) -> Iterator[_Row]:
        """Yield the rows from commissioning on."""
        tank, gas, celsius, energy, before = _START, Gas(0.05, 0.033), 38.0, 0.0, -1.0
        for first in count(0, _STEPS_A_DAY):
            times = instants(first, _STEPS_A_DAY, STEP_S)
            columns = (
                self._feed(times),
                self._thickness(times),
                self._delivery(times)[1],
                self._feed_temperature(times),
                weather.air_temperature(self._noise, times),
            )
            for kg_h, thickness, sweet, cold, outside in zip(*(one.tolist() for one in columns), strict=True):
                power = MIXERS_W + heater(celsius)
                energy += 0.0 if before < 0 else (before + power) / 2.0 * STEP_S
                before = power
                yield _Row(
                    acidity(tank),
                    celsius,
                    solids(tank),
                    gas.methane * VOLUME_M3,
                    gas.carbon_dioxide * VOLUME_M3,
                    power,
                    energy,
                )
                feed = composition(thickness, sweet)
                tank, gas = react(tank, feed, kg_h * 24.0 / DENSITY / VOLUME_M3, DRY_BAR, _STEP_D)
                celsius = warmed(celsius, kg_h, cold, outside)


def composition(thickness: float, sweet: float) -> Tank:
    """Return the feed, thicker or thinner than usual, with or without sweet residues."""
    usual = Tank(*(thickness * one for one in FEED))
    return usual._replace(quick=usual.quick + sweet * SWEET_COD)


def solids(tank: Tank) -> float:
    """Return the total solids of a tank in kg/m³; dissolved acids are none."""
    organic = tank.quick + tank.slow + tank.inert + tank.acidogens + tank.methanogens
    return organic / COD_PER_VS + tank.fixed


def heater(celsius: float) -> float:
    """Return the power in W that the thermostat gives."""
    return min(max(HEATER_W_K * (WANTED - celsius), 0.0), HEATER_W)


def warmed(celsius: float, feed_kg_h: float, cold: float, outside: float) -> float:
    """Return the temperature after a step."""
    gain = HEATER_EFFICIENCY * heater(celsius) - LOSS_W_K * (celsius - outside)
    gain -= feed_kg_h / 3600.0 * 4000.0 * (celsius - cold)
    return celsius + STEP_S / HEAT_J_K * gain
