"""A composting box: twelve tonnes of food and green residues, aerated from below, turned each week, for four weeks.

- Balances of dry matter, water, oxygen and heat: `pile.py`, stepped every ten minutes.
- 12 t at 62 % of water; 80 % of the dry matter is volatile, 55 % of that biodegradable, 45 % of that quickly.
- The fan gives 0.01 kg/s; up to 0.11 kg/s as oxygen falls from 12 to 6 %, and up to 0.32 kg/s as the pile passes from
  57 to 65 °C: control by temperature as in the Rutgers strategy (Finstein, Miller and Strom 1986, in “Biotechnology”,
  volume 8). Its power goes with the cube of the flow, up to 2.4 kW.
- The pile settles, and loses free air space from 0.36 towards 0.16 within six days or so (assumed); turning it restores
  that, costs 35 % of the difference to the hall's temperature, seven tenths of it as vapour, and water is added up to
  58 %. Turned on the Mondays of its second, third and fourth week, at 13:00 UTC; the next batch begins then too.
- In more than half of the batches the fan trips for some hours in the first week: oxygen is gone within the hour.
- The outer lance is cooler by a quarter of the difference to the hall, and its pores are fresher (assumed).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.pile import (
    FRESH,
    Air,
    Pile,
    celsius,
    enthalpy_of_air,
    heated,
    moisture,
    step,
    vapour,
)
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.stepping import Rows, between, counter, instants, place

STEP_S = 600.0
_STEPS_A_DAY = 144
BATCH_S, WEEK_S = 28.0 * DAY, 7.0 * DAY
LOADED_S = 13.0 * 3600.0
WET_KG = 12_000.0
LEAST_AIR, BREATHING_AIR, MOST_AIR, LEAKING_AIR = 0.01, 0.11, 0.32, 0.001  # kg/s
PORES_KG = 9.0
WALLS_W_K = 25.0  # 60 m² of insulated wall
FAN_W, CONTROLS_W = 2400.0, 60.0
AIR_KG_M3 = 1.204  # dry, at 20 °C and 101.3 kPa
DIOXIDE_PER_OXYGEN = 16.0 / 18.0


class _Row(NamedTuple):
    celsius: float
    oxygen: float
    moisture: float
    matter: float  # kg of biodegradable matter left
    air: float  # kg/s
    power: float  # W
    energy: float  # J before the step


class Composting:
    """The box; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 5000)
        self._rows = Rows(self._run(), _Row._fields)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "core/temperature": "Cel",
            "core/oxygen": "%",
            "edge/temperature": "Cel",
            "edge/oxygen": "%",
            "hall/temperature": "Cel",
            "hall/humidity": "%",
            "exhaust/carbon-dioxide": "%",
            "air/flow": "m3/h",
            "fan/power": "W",
            "fan/energy-import": "kW.h",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        at = place(times, STEP_S)
        rows = self._rows.reach(at.last)
        now = {name: between(column, at) for name, column in rows.items()}
        noise, hall = self._noise, self._hall(times)
        oxygen, fresher = now["oxygen"], 0.35 * (FRESH - now["oxygen"])
        wander = 0.4 * noise.smooth("lance", times, 3.0 * 3600.0)
        dioxide = 0.04 + DIOXIDE_PER_OXYGEN * (FRESH - oxygen)
        return {
            "core/temperature": now["celsius"] + 0.05 * noise.normal("core", times),
            "core/oxygen": np.clip(oxygen + 0.06 * noise.normal("core/oxygen", times), 0.0, FRESH),
            "edge/temperature": now["celsius"]
            - 0.25 * (now["celsius"] - hall)
            + wander
            + 0.05 * noise.normal("edge", times),
            "edge/oxygen": np.clip(oxygen + fresher + 0.06 * noise.normal("edge/oxygen", times), 0.0, FRESH),
            "hall/temperature": hall + 0.05 * noise.normal("hall", times),
            "hall/humidity": self._humidity(times) + 0.3 * noise.normal("hall/humidity", times),
            "exhaust/carbon-dioxide": np.maximum(dioxide * (1.0 + 0.006 * noise.normal("dioxide", times)), 0.0),
            "air/flow": now["air"] / AIR_KG_M3 * 3600.0 * (1.0 + 0.008 * noise.normal("air", times)),
            "fan/power": now["power"] * (1.0 + 0.006 * noise.normal("power", times)),
            "fan/energy-import": counter(rows["power"], rows["energy"], at, STEP_S) / 3.6e6,
        }

    def _hall(self, times: Array) -> Array:
        """Return the temperature of the hall, which is kept from freezing."""
        day = 1.5 * weather.day(times, 3.0 * 3600.0) + 1.5 * self._noise.smooth("hall/slow", times, 2.0 * DAY)
        return np.asarray(14.0 + 6.5 * weather.season(times) + day, dtype=np.float64)

    def _humidity(self, times: Array) -> Array:
        return np.clip(70.0 + 9.0 * self._noise.smooth("humidity", times, DAY), 30.0, 95.0)

    def _trips(self, times: Array) -> Array:
        """Return 1 where the fan has tripped, 0 elsewhere."""
        batch = np.floor((times - COMMISSIONED - LOADED_S) / BATCH_S)
        begins = COMMISSIONED + LOADED_S + batch * BATCH_S
        begins += (2.5 + 3.5 * self._noise.uniform("trip/begins", batch)) * DAY
        ends = begins + 3600.0 * (5.0 + 7.0 * self._noise.uniform("trip/hours", batch))
        tripped = (self._noise.uniform("trip/comes", batch) < 0.6) & (times >= begins) & (times < ends)
        return tripped.astype(np.float64)

    def _run(self) -> Iterator[_Row]:
        """Yield the rows from commissioning on."""
        pile, energy, before, flow = self._loaded(-1, 15.0), 0.0, -1.0, LEAST_AIR
        for first in count(0, _STEPS_A_DAY):
            times = instants(first, _STEPS_A_DAY, STEP_S)
            columns = (times - COMMISSIONED - LOADED_S, self._hall(times), self._humidity(times), self._trips(times))
            for since, hall, humidity, tripped in zip(*(one.tolist() for one in columns), strict=True):
                if since % WEEK_S < STEP_S:
                    batch = round(since // BATCH_S)
                    pile = self._loaded(batch, hall) if since % BATCH_S < STEP_S else turned(pile, hall)
                flow = fan(flow, celsius(pile), pile.oxygen, bool(tripped))
                power = CONTROLS_W + FAN_W * (flow / MOST_AIR) ** 3
                energy += 0.0 if before < 0 else (before + power) / 2.0 * STEP_S
                before = power
                left = pile.quick + pile.slow
                yield _Row(celsius(pile), pile.oxygen, moisture(pile), left, flow, power, energy)
                inlet = Air(flow, hall, humidity / 100.0 * vapour(hall))
                pile, _ = step(pile, inlet, hall, WALLS_W_K, PORES_KG, STEP_S)
                pile = pile._replace(free=settled(pile.free))

    def _loaded(self, batch: int, hall: float) -> Pile:
        """Return a fresh batch, each a little different."""
        index = np.array([float(batch)])
        wetter, richer = (self._noise.uniform(f"batch/{name}", index)[0] - 0.5 for name in ("water", "matter"))
        return loaded(0.62 + 0.04 * wetter, 0.55 + 0.06 * richer, hall)


def loaded(water: float, biodegradable: float, temperature: float) -> Pile:
    """Return a fresh pile, for its share of water and the biodegradable share of its volatile matter."""
    dry = WET_KG * (1.0 - water)
    matter = 0.80 * biodegradable * dry
    fresh = Pile(0.45 * matter, 0.55 * matter, dry - matter, WET_KG * water, 0.0, FRESH, 0.36)
    return heated(fresh, temperature + 4.0)


def turned(pile: Pile, hall: float) -> Pile:
    """Return a pile that was turned: cooler, drier, loose again, then watered."""
    temperature = celsius(pile)
    cooler = max(temperature - 0.35 * (temperature - hall), hall)
    lost = pile.enthalpy - heated(pile, cooler).enthalpy
    dried = 0.7 * lost / enthalpy_of_air(0.0, 1.0)
    pile = pile._replace(water=pile.water - dried, enthalpy=pile.enthalpy - lost, oxygen=FRESH, free=0.36)
    dry = pile.quick + pile.slow + pile.inert
    added = max(0.58 / 0.42 * dry - pile.water, 0.0)
    return pile._replace(water=pile.water + added, enthalpy=pile.enthalpy + added * 4190.0 * 10.0)


def settled(free: float) -> float:
    """Return the free air space a step later."""
    return 0.16 + (free - 0.16) * math.exp(-STEP_S / (6.0 * DAY))


def fan(flow: float, temperature: float, oxygen: float, tripped: bool) -> float:
    """Return the dry air in kg/s that the controller lets in next: a fifth of the way to what is wanted."""
    if tripped:
        return LEAKING_AIR
    breathing = (BREATHING_AIR - LEAST_AIR) * min(max((12.0 - oxygen) / 6.0, 0.0), 1.0)
    cooling = (MOST_AIR - LEAST_AIR) * min(max((temperature - 57.0) / 8.0, 0.0), 1.0)
    return flow + 0.2 * (LEAST_AIR + max(breathing, cooling) - flow)
