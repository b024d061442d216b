"""An activated-sludge pilot for domestic wastewater: an anoxic tank of 10 m³, an aerobic one of 20 m³, a clarifier.

- Biology: ASM1 (`asm1.py`), stepped every quarter of an hour; influent of BSM1's composition, 60 m³/d in dry weather.
- Nitrified liquor is led back at three times the mean flow, sludge at once; 3 m³/d of mixed liquor are wasted, which
  makes a sludge age of ten days. The clarifier holds nothing and lets solids pass in proportion to the flow: 12 mg/L at
  the mean one, which is assumed.
- Heat: dT/dt = Q/V · (T_in − T), the balance of BSM2 (Gernaey et al. 2014); the tanks neither heat nor cool.
- Infiltration: rain and meltwater enter the sewer at the temperature of the ground; volume, load and heat mix.
- Aeration: oxygen is held at 2 g/m³ by the air flow. Air = KLa · V · C_s,20 / (α · SOTE · 1.024^(T−20) · 0.232 kg/kg),
  SOTE 6.5 % a metre of depth (US EPA 625/1-89/023, “Fine pore aeration systems”), 3 m, α = 0.6; adiabatic compression
  by 40 kPa at an efficiency of 0.55 (Tchobanoglous et al. 2014, “Wastewater engineering”, 5th edition, equation 5-77).
- pH: alkalinity against dissolved CO₂, pH = pK₁ + log₁₀(HCO₃/CO₂), pK₁ after Plummer and Busenberg 1982 (Geochimica
  et Cosmochimica Acta 46, 1011–1040), Henry's constant of CO₂ after Sander 2015 (Atmospheric Chemistry and Physics 15,
  4399–4981). CO₂ is what respiration leaves in solution at equal moles of O₂ and CO₂: half of the off-gas's fraction at
  equilibrium, and a difference that drives it out, KLa(CO₂) = 0.89 KLa(O₂) (Royce and Thornhill 1991, AIChE Journal
  37, 1680–1686).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.asm1 import (
    INFLUENT,
    PARTICULATE,
    Kinetics,
    Turnover,
    cod,
    kinetics,
    oxygen_saturation,
    react,
    solids,
)
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.stepping import Rows, between, counter, instants, place

STEP_S = 900.0
_STEP_D = STEP_S / DAY
_STEPS_A_DAY = 96
ANOXIC_M3, AEROBIC_M3 = 10.0, 20.0
MEAN_FLOW = 60.0  # m³/d
LIQUOR, RETURN, WASTE = 180.0, 60.0, 3.0  # m³/d
OXYGEN_WANTED = 2.0  # g/m³
LEAST_TRANSFER, MOST_TRANSFER = 12.0, 300.0  # 1/d, at 20 °C
SOTE, ALPHA = 0.065 * 3.0, 0.6
OXYGEN_IN_AIR = 0.232  # kg/kg
AIR_KG_M3 = 1.204  # at 20 °C and 101.3 kPa
MIXERS_W = 280.0
FAULT_BLOCK_S, SNAP_BLOCK_S = 13.0 * DAY, 12.0 * DAY

_START = [30.0, 1.0, 900.0, 60.0, 1900.0, 110.0, 400.0, 1.0, 10.0, 2.0, 0.7, 4.0, 4.2]


class _Row(NamedTuple):
    celsius: float
    oxygen: float
    ammonium: float
    effluent_cod: float
    effluent_solids: float
    ph: float
    air: float  # kg/s
    power: float  # W
    energy: float  # J before the step


class _Inflow(NamedTuple):
    """What comes in during a step."""

    flow: float  # m³/d
    strength: float  # of the sewage against that of BSM1, infiltration included
    ammonium: float  # the same, of its ammonium
    celsius: float
    blower: float  # share of the most air that the blower can give


class Stepped(NamedTuple):
    """Tanks after a step, and what went where in it, in the order of the state."""

    anoxic: list[float]
    aerobic: list[float]
    #: On its way back to the anoxic tank, g/d.
    recycled: list[float]
    #: Effluent and wasted liquor together, g/d.
    left: list[float]
    turnovers: tuple[Turnover, Turnover]


class ActivatedSludge:
    """The pilot; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 3000)
        self._rows = Rows(self._run(), _Row._fields)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "influent/flow": "m3/h",
            "influent-cod/concentration": "mg/L",
            "influent-ammonium/ammonium": "mg/L",
            "oxygen/dissolved-oxygen": "mg/L",
            "oxygen/temperature": "Cel",
            "ph/ph": "[pH]",
            "effluent-cod/concentration": "mg/L",
            "effluent-ammonium/ammonium": "mg/L",
            "effluent-solids/suspended-solids": "mg/L",
            "air/flow": "m3/h",
            "aeration/power": "W",
            "aeration/energy-import": "kW.h",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        at = place(times, STEP_S)
        rows = self._rows.reach(at.last)
        now = {name: between(column, at) for name, column in rows.items()}
        sewage, water = self._sewage(times), self._infiltration(times)
        strength = self._strength(times) * sewage / (sewage + water)
        ammonium = self._ammonium(times) * sewage / (sewage + water)
        noise = self._noise
        return {
            "influent/flow": self._seen("flow", times, (sewage + water) / 24.0, 0.006),
            "influent-cod/concentration": self._seen("cod-in", times, cod(INFLUENT) * strength, 0.03),
            "influent-ammonium/ammonium": self._seen("nh-in", times, INFLUENT[9] * ammonium, 0.02),
            "oxygen/dissolved-oxygen": np.maximum(now["oxygen"] + 0.05 * noise.smooth("oxygen", times, 90.0), 0.0),
            "oxygen/temperature": now["celsius"] + 0.02 * noise.normal("celsius", times),
            "ph/ph": now["ph"] + 0.008 * noise.normal("ph", times),
            "effluent-cod/concentration": self._seen("cod-out", times, now["effluent_cod"], 0.02),
            "effluent-ammonium/ammonium": self._seen("nh-out", times, now["ammonium"], 0.02),
            "effluent-solids/suspended-solids": self._seen("solids", times, now["effluent_solids"], 0.04),
            "air/flow": self._seen("air", times, now["air"] / AIR_KG_M3 * 3600.0, 0.01),
            "aeration/power": self._seen("power", times, now["power"], 0.006),
            "aeration/energy-import": counter(rows["power"], rows["energy"], at, STEP_S) / 3.6e6,
        }

    def _seen(self, stream: str, times: Array, values: Array, deviation: float) -> Array:
        return np.asarray(values * (1.0 + deviation * self._noise.normal(stream, times)), dtype=np.float64)

    # --- what comes in -----------------------------------------------------------------------------------------------

    def _sewage(self, times: Array) -> Array:
        """Return the flow of sewage in m³/d: least before dawn, most in the morning and the evening."""
        local = (times - 5.0 * 3600.0) % DAY / 3600.0
        day = 0.62 + 0.62 * np.exp(-(((local - 9.5) / 3.0) ** 2)) + 0.5 * np.exp(-(((local - 19.5) / 3.2) ** 2))
        slow = 0.05 * self._noise.smooth("sewage", times, 1.5 * DAY) + 0.03 * self._noise.smooth("taps", times, 1800.0)
        return np.asarray(MEAN_FLOW * day * (1.0 + slow), dtype=np.float64)

    def _strength(self, times: Array) -> Array:
        slow = 0.08 * self._noise.smooth("strength", times, 2.0 * DAY)
        return np.asarray(1.0 + 0.22 * weather.day(times, 1.5 * 3600.0) + slow, dtype=np.float64)

    def _ammonium(self, times: Array) -> Array:
        slow = 0.05 * self._noise.smooth("ammonium", times, DAY)
        return np.asarray(1.0 + 0.25 * weather.day(times, -2.5 * 3600.0) + slow, dtype=np.float64)

    def _infiltration(self, times: Array) -> Array:
        """Return the flow in m³/d of rain and meltwater: some days of it in most fortnights."""
        block = np.floor((times - COMMISSIONED) / SNAP_BLOCK_S)
        begins = COMMISSIONED + (block + 0.1 + 0.4 * self._noise.uniform("snap/begins", block)) * SNAP_BLOCK_S
        days = (times - begins) / DAY
        lasts = 2.5 + 2.0 * self._noise.uniform("snap/days", block)
        height = np.where(self._noise.uniform("snap/comes", block) < 0.7, 38.0, 0.0)
        rises = np.clip(days / 0.4, 0.0, 1.0) * np.clip((lasts - days) / 1.0, 0.0, 1.0)
        return np.asarray(3.0 + height * (0.7 + 0.6 * self._noise.uniform("snap/height", block)) * rises)

    @staticmethod
    def _ground(times: Array) -> Array:
        """Return the temperature in °C of what infiltrates."""
        return np.maximum(6.5 + 8.5 * weather.season(times, 25.0 * DAY), 0.8)

    def _temperature(self, times: Array, sewage: Array, water: Array) -> Array:
        home = 14.5 + 4.5 * weather.season(times, 25.0 * DAY) + 0.5 * weather.day(times, 4.0 * 3600.0)
        return np.asarray((sewage * home + water * self._ground(times)) / (sewage + water), dtype=np.float64)

    def _blower(self, times: Array) -> Array:
        """Return what share of its most air the blower can give: its filter clogs now and then."""
        block = np.floor((times - COMMISSIONED) / FAULT_BLOCK_S)
        begins = COMMISSIONED + (block + 0.55 + 0.35 * self._noise.uniform("fault/begins", block)) * FAULT_BLOCK_S
        ends = begins + 3600.0 * (5.0 + 6.0 * self._noise.uniform("fault/hours", block))
        clogged = (self._noise.uniform("fault/comes", block) < 0.5) & (times >= begins) & (times < ends)
        return np.where(clogged, 0.18, 1.0)

    def _inflows(self, first: int) -> Iterator[_Inflow]:
        """Yield what comes in during the steps of one day."""
        times = instants(first, _STEPS_A_DAY, STEP_S)
        sewage, water = self._sewage(times), self._infiltration(times)
        share = sewage / (sewage + water)
        columns = (
            sewage + water,
            self._strength(times) * share,
            self._ammonium(times) * share,
            self._temperature(times, sewage, water),
            self._blower(times),
        )
        return map(_Inflow._make, zip(*(column.tolist() for column in columns), strict=True))

    # --- the tanks ---------------------------------------------------------------------------------------------------

    def _run(self) -> Iterator[_Row]:
        """Yield the rows from commissioning on."""
        anoxic, aerobic = list(_START), list(_START)
        recycled = [(LIQUOR + RETURN) * one for one in aerobic]
        celsius, transfer, energy, power = 15.0, 150.0, 0.0, -1.0
        for first in count(0, _STEPS_A_DAY):
            for inflow in self._inflows(first):
                rates = kinetics(celsius)
                row = _seen_of(aerobic, inflow, celsius, transfer, rates)
                energy += 0.0 if power < 0 else (power + row.power) / 2.0 * STEP_S
                power = row.power
                yield row._replace(energy=energy)
                influent = composition(inflow.strength, inflow.ammonium)
                stepped = step(anoxic, aerobic, recycled, influent, inflow.flow, transfer, rates)
                anoxic, aerobic, recycled = stepped.anoxic, stepped.aerobic, stepped.recycled
                uptake = stepped.turnovers[1].oxygen + (inflow.flow + LIQUOR + RETURN) / AEROBIC_M3 * OXYGEN_WANTED
                transfer = _controlled(uptake, celsius, rates.saturation, inflow.blower)
                exchange = inflow.flow / (ANOXIC_M3 + AEROBIC_M3) * _STEP_D
                celsius = (celsius + exchange * inflow.celsius) / (1.0 + exchange)


def composition(strength: float, ammonium: float) -> list[float]:
    """Return the influent, for the strength of its organic matter and of its ammonium against BSM1's."""
    found = [strength * one for one in INFLUENT]
    found[9] = ammonium * INFLUENT[9]
    found[12] = INFLUENT[12] * ammonium  # alkalinity comes with ammonium, and infiltration dilutes both
    return found


def step(
    anoxic: list[float],
    aerobic: list[float],
    recycled: list[float],
    influent: list[float],
    flow: float,
    transfer: float,
    rates: Kinetics,
    days: float = _STEP_D,
) -> Stepped:
    """Step both tanks and the clarifier; what is recycled arrives in the next step."""
    through = flow + LIQUOR + RETURN
    mixed = [(flow * one + back) / through for one, back in zip(influent, recycled, strict=True)]
    anoxic, first = react(anoxic, mixed, through / ANOXIC_M3, 0.0, rates, days)
    aerobic, second = react(aerobic, anoxic, through / AEROBIC_M3, transfer, rates, days)
    share = _passing(flow) / solids(aerobic)
    left = [
        (WASTE + (flow - WASTE) * (share if position in PARTICULATE else 1.0)) * one
        for position, one in enumerate(aerobic)
    ]
    back = [through * one - gone for one, gone in zip(aerobic, left, strict=True)]
    return Stepped(anoxic, aerobic, back, left, (first, second))


def _passing(flow: float) -> float:
    """Return the suspended solids in mg/L that pass the clarifier."""
    return 12.0 * flow / MEAN_FLOW


def _controlled(uptake: float, celsius: float, saturation: float, blower: float) -> float:
    """Return the KLa (1/d) that holds the oxygen, as far as the blower can."""
    warmer: float = 1.024 ** (celsius - 20.0)
    wanted = uptake / (saturation - OXYGEN_WANTED)
    return min(max(wanted, LEAST_TRANSFER * warmer), blower * MOST_TRANSFER * warmer)


def _seen_of(aerobic: list[float], inflow: _Inflow, celsius: float, transfer: float, rates: Kinetics) -> _Row:
    """Return what the instruments see of a state."""
    solids_out = _passing(inflow.flow)
    settled = 1.0 - solids_out / solids(aerobic)
    cod_out = cod(aerobic) - settled * sum(aerobic[position] for position in PARTICULATE[:-1])
    air = air_flow(transfer, celsius)
    efficiency = ALPHA * SOTE * 1.024 ** (celsius - 20.0) * (rates.saturation - aerobic[7]) / _SATURATION_20
    return _Row(
        celsius=celsius,
        oxygen=aerobic[7],
        ammonium=aerobic[9],
        effluent_cod=cod_out,
        effluent_solids=solids_out,
        ph=acidity(aerobic[12], celsius, rates.saturation - aerobic[7], efficiency),
        air=air,
        power=blower_power(air) + MIXERS_W,
        energy=0.0,
    )


_SATURATION_20 = oxygen_saturation(20.0)


def air_flow(transfer: float, celsius: float) -> float:
    """Return the air in kg/s that gives a KLa (1/d) in the aerobic tank."""
    oxygen: float = transfer * 1.024 ** (20.0 - celsius) * AEROBIC_M3 * _SATURATION_20 / 1000.0
    return oxygen / (ALPHA * SOTE * OXYGEN_IN_AIR) / DAY


def blower_power(air: float) -> float:
    """Return the power in W that compresses so much air (kg/s), taken in at 20 °C, by 40 kPa."""
    risen: float = (141.3 / 101.3) ** 0.283 - 1.0
    return air * 8.314 / 0.02897 * 293.15 / (0.283 * 0.55) * risen


def acidity(alkalinity: float, celsius: float, deficit: float, efficiency: float) -> float:
    """Return the pH; alkalinity in mol/m³, `deficit` of oxygen in g/m³, `efficiency` of its transfer."""
    henry = 34.5 * math.exp(2400.0 * (1.0 / (celsius + 273.15) - 1.0 / 298.15))  # mol/(m³·atm)
    in_bubbles = 0.0004 + 0.2095 * efficiency / 2.0
    dissolved = henry * in_bubbles + deficit / 32.0 / 0.89
    return 6.352 + 0.0075 * (25.0 - celsius) + math.log10(max(alkalinity, 0.05) / dissolved)
