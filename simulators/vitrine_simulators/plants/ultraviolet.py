"""Ultraviolet disinfection of filtered surface water: four annular chambers side by side, one amalgam lamp in each.

Radiation, for a line source in an absorbing annulus (Blatchley 1997, “Numerical modelling of UV intensity: application
to collimated-beam reactors and continuous-flow systems”, Water Research 31, 2205–2218, the radial model):

    E(r) = Φ/L · τ · exp(−α(r − r₁)) / (2π r)                                   [W/m²], r from r₁ (sleeve) to r₂ (wall)
    Ē    = Φ/L · τ · (1 − exp(−αw)) / (α π (r₂² − r₁²)),   w = r₂ − r₁           [W/m²], its mean over the annulus
    H    = Ē · V / q                                                            [J/m²], mean dose at the flow q

- α = ln 10 · SUVA · DOC, by the law of Beer and Lambert; SUVA 2 m²/g, as waters of little humic matter have (Edzwald
  and Tobiason 1999, Water Science and Technology 40(9), 311–318).
- Φ: UV-C output of an amalgam lamp, a third of its electrical power and proportional to it; it falls by a fifth over
  12,000 h (ranges of US EPA 815-R-06-007, “Ultraviolet disinfection guidance manual”, 2006, table 2.1 and section 2.4).
- τ: a clean sleeve lets 92 % through; deposits take 1.2 to 2.4 % a day until the sleeves are washed on a Monday, every
  third week. This rate is assumed: measured ones differ by more than ten times between waters.
- A controller sets the lamps' power every five minutes so that the mean dose is 40 mJ/cm², from half to full power.
- When a lamp fails, its chamber closes and the other three share the flow until the lamp is replaced.

No micro-organism is simulated: what a dose inactivates is the matter of the installation's indicators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.stepping import between, counted, counter, instants, place

STEP_S = 300.0
CHAMBERS = 4
SLEEVE_M = 0.025  # r₁
WALL_M = 0.085  # r₂
LENGTH_M = 1.2
LAMP_W = 260.0
UVC_SHARE = 1.0 / 3.0
CLEAN_SLEEVE = 0.92
SUVA_M2_G = 2.0
TARGET_J_M2 = 400.0
CONTROLS_W = 110.0
LIFE_H = 12_000.0
#: Age of the lamps at commissioning: between these.
USED_BEFORE_H = (2_500.0, 3_700.0)
AGEING = 0.2
WASHED_EVERY_S = 21.0 * DAY
FAILURE_BLOCK_S = 11.0 * DAY


class _Run(NamedTuple):
    level: Array
    power: Array
    energy: Array


class Ultraviolet:
    """The disinfection; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 2000)
        self._rows = self._run(0)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "flow/flow": "m3/h",
            "organic-carbon/concentration": "mg/L",
            "turbidity/turbidity": "{NTU}",
            "reactor/intensity": "W/m2",
            "reactor/level": "%",
            "reactor/lamps": "1",
            "reactor/lamp-hours": "h",
            "meter/power": "W",
            "meter/energy-import": "kW.h",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        at = place(times, STEP_S)
        rows = self._reach(at.last)
        level = between(rows.level, at)
        absorption = absorption_of(self._carbon(times))
        at_wall = irradiance(self._output(times) * level, absorption, WALL_M)
        return {
            "flow/flow": self._seen("flow", times, self._flow(times) * 3600.0, 0.004),
            "organic-carbon/concentration": self._seen("carbon", times, self._carbon(times), 0.008),
            "turbidity/turbidity": self._seen("turbidity", times, self._turbidity(times), 0.02),
            "reactor/intensity": self._seen("intensity", times, at_wall, 0.004),
            "reactor/level": 100.0 * level,
            "reactor/lamps": self._lamps(times),
            "reactor/lamp-hours": self._hours(times),
            "meter/power": self._seen("power", times, between(rows.power, at), 0.004),
            "meter/energy-import": counter(rows.power, rows.energy, at, STEP_S) / 3.6e6,
        }

    def _seen(self, stream: str, times: Array, values: Array, deviation: float) -> Array:
        return np.asarray(values * (1.0 + deviation * self._noise.normal(stream, times)), dtype=np.float64)

    def _flow(self, times: Array) -> Array:
        """Return the flow of all chambers in m³/s: people use water in the morning and the evening."""
        local = (times - 5.0 * 3600.0) % DAY / 3600.0
        peaks = np.exp(-(((local - 7.5) / 2.2) ** 2)) + 0.85 * np.exp(-(((local - 18.5) / 2.8) ** 2))
        slow = 0.04 * self._noise.smooth("demand", times, 2.0 * DAY) + 0.03 * weather.season(times)
        quick = 0.03 * self._noise.smooth("taps", times, 900.0)
        return np.asarray((46.0 + 42.0 * peaks) * (1.0 + slow + quick) / 3600.0, dtype=np.float64)

    def _runoff(self, times: Array) -> Array:
        """Return 0 in dry weather, up to about 1 after heavy rain; it is forgotten within three days."""
        wet = np.zeros_like(times)
        for before in range(4):
            begin_day = np.floor(times / DAY) - before
            begins = (begin_day + self._noise.uniform("rain/hour", begin_day)) * DAY
            height = np.where(self._noise.uniform("rain/falls", begin_day) < 0.12, 0.5, 0.0)
            height *= 0.5 + self._noise.uniform("rain/height", begin_day)
            hours = np.maximum(times - begins, 0.0) / 3600.0
            wet += height * (1.0 - np.exp(-hours / 5.0)) * np.exp(-hours / 20.0)
        return wet

    def _carbon(self, times: Array) -> Array:
        """Return the dissolved organic carbon after filtration in mg/L, highest in autumn."""
        calm = 2.3 + 0.35 * weather.season(times, 80.0 * DAY) + 0.12 * self._noise.smooth("carbon/slow", times, DAY)
        return np.asarray(calm + 2.2 * self._runoff(times), dtype=np.float64)

    def _turbidity(self, times: Array) -> Array:
        calm = 0.12 * np.exp(0.25 * self._noise.smooth("turbidity/slow", times, 0.3 * DAY))
        return np.asarray(calm + 0.25 * self._runoff(times), dtype=np.float64)

    def _hours(self, times: Array) -> Array:
        """Return the burning hours of the set of lamps, which is replaced at the end of its life."""
        low, high = USED_BEFORE_H
        before = low + (high - low) * self._noise.uniform("lamp/age", np.zeros(1))[0]
        return np.asarray((before + (times - COMMISSIONED) / 3600.0) % LIFE_H, dtype=np.float64)

    def _lamps(self, times: Array) -> Array:
        """Return how many lamps burn: one fails now and then, and waits for somebody to come."""
        block = np.floor((times - COMMISSIONED) / FAILURE_BLOCK_S)
        begins = COMMISSIONED + (block + 0.1 + 0.7 * self._noise.uniform("lamp/begins", block)) * FAILURE_BLOCK_S
        ends = begins + 3600.0 * (6.0 + 16.0 * self._noise.uniform("lamp/hours", block))
        fails = (self._noise.uniform("lamp/fails", block) < 0.55) & (times >= begins) & (times < ends)
        return np.where(fails, CHAMBERS - 1.0, float(CHAMBERS))

    def _sleeve(self, times: Array) -> Array:
        """Return the transmittance of the sleeves: deposits since they were washed, at 13:00 UTC on a Monday."""
        since = times - COMMISSIONED - 13.0 * 3600.0 + WASHED_EVERY_S
        wash = np.floor(since / WASHED_EVERY_S)
        a_day = 0.012 + 0.012 * self._noise.uniform("sleeve/deposits", wash)
        return np.asarray(CLEAN_SLEEVE * np.exp(-a_day * (since / DAY - wash * WASHED_EVERY_S / DAY)), dtype=np.float64)

    def _output(self, times: Array) -> Array:
        """Return the UV-C power in W that one lamp at full power sends through its sleeve."""
        aged = 1.0 - AGEING * self._hours(times) / LIFE_H
        return np.asarray(LAMP_W * UVC_SHARE * aged * self._sleeve(times), dtype=np.float64)

    def _reach(self, last: int) -> _Run:
        if last >= len(self._rows.level):
            self._rows = self._run(last)
        return self._rows

    def _run(self, last: int) -> _Run:
        """Set the lamps from commissioning to a day beyond a step."""
        times = instants(0, last + 290, STEP_S)
        lamps = self._lamps(times)
        full = dose(self._output(times), absorption_of(self._carbon(times)), self._flow(times) / lamps)
        level = np.clip(TARGET_J_M2 / full, 0.5, 1.0)
        power = CONTROLS_W + lamps * LAMP_W * level
        return _Run(level, power, counted(power, STEP_S))


def absorption_of(carbon_mg_l: Array) -> Array:
    """Return the napierian absorption coefficient at 254 nm, 1/m, of so much dissolved organic carbon."""
    return np.asarray(np.log(10.0) * SUVA_M2_G * carbon_mg_l, dtype=np.float64)


def irradiance(output_w: Array, absorption: Array, radius_m: float | Array) -> Array:
    """Return E(r) in W/m² around a lamp that sends `output_w` into the water."""
    around = 2.0 * np.pi * radius_m * LENGTH_M
    return np.asarray(output_w * np.exp(-absorption * (radius_m - SLEEVE_M)) / around, dtype=np.float64)


def dose(output_w: Array, absorption: Array, flow_m3_s: Array) -> Array:
    """Return the mean dose H in J/m² of one chamber: the mean irradiance × volume / flow."""
    gap = WALL_M - SLEEVE_M
    return np.asarray(output_w * -np.expm1(-absorption * gap) / (absorption * flow_m3_s), dtype=np.float64)
