"""A renovated community building: ventilation with heat recovery, and an air-source heat pump.

Two thermal nodes, the air with its furniture (i) and the structure (m), as in the R3C2 family of grey-box models
(Bacher and Madsen 2011, “Identifying suitable models for the heat dynamics of buildings”):

    C_i dT_i/dt = (T_m − T_i)·H_im + (T_o − T_i)·H_e + (T_s − T_i)·C_s + Q_hp + Q_gain   [W], T in °C, H, C_s in W/K
    C_m dT_m/dt = (T_i − T_m)·H_im + Q_sun

- 600 m² of floor: envelope H_e = 345 W/K, H_im = 2500 W/K, C_i = 1.5e7 J/K, C_m = 2.5e8 J/K.
- Ventilation of 0.24 m³/s, C_s = 290 W/K, through a counterflow exchanger of 870 W/K. Its effectiveness follows from
  the number of transfer units and the ratio of the two streams (Kays and London 1984, “Compact Heat Exchangers”): 75 %
  on the supply side, (T_s − T_o)/(T_i − T_o) as EN 308 defines it, while the streams are equal. Extract and supply
  temperatures balance: C_s (T_s − T_o) = C_x (T_i − T_x).
- The filter of the extract air clogs: after t of its 42 days, beside a road under works, its stream is 1 − 0.4 (t/42)²
  of the supply's. On that day, at 14:00 UTC, it is replaced. Above 15 °C outdoors a bypass opens, fully at 17 °C.
- The heat pump follows a proportional thermostat, ±14 kW of heat; coefficient of performance 3.3 + 0.065·(T_o − 7),
  from 1.8 to 5, a line through the field results that heatpumpmonitor.org publishes for air-source machines.
- Occupancy on weekdays from 8 to 18 h, Eastern standard time: light, sockets and people.

Before the works the same air was let in unheated and electric baseboards gave the heat: `baseline` runs that building
under the same weather, and the file's baseline is the regression of it, which a test repeats.

The balance is stepped every 15 minutes from commissioning; in between temperatures and power are linear and the energy
counters are the exact integral of that power.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.stepping import between, counted, counter, place

STEP_S = 900.0
AIR_J_K = 1.5e7
MASS_J_K = 2.5e8
ENVELOPE_W_K = 345.0
SUPPLY_W_K = 290.0
EXCHANGER_W_K = 870.0
FILTER_DAYS, FILTER_HOUR, CLOGGED = 42.0, 14.0, 0.4
BYPASS_FROM, BYPASS_OVER = 15.0, 2.0
FANS_W = 130.0
MASS_W_K = 2500.0
GAIN_W_K = 8000.0
MAX_HEAT_W, MAX_BASEBOARD_W = 14_000.0, 30_000.0
STANDBY_W = 45.0
WINDOWS_M2 = 14.0
PEOPLE_W = 1400.0


@dataclass(frozen=True, slots=True)
class _Steps:
    """One number a step, from commissioning on."""

    air: Array
    heat_pump: Array  # W, electric
    others: Array  # W
    fans: Array  # W
    heat_pump_energy: Array  # J before the step
    others_energy: Array
    fans_energy: Array


@dataclass(frozen=True, slots=True)
class Streams:
    """The air streams of the exchanger, °C, and the extract stream as a share of the supply stream."""

    supply: Array
    exhaust: Array
    share: Array


class Building:
    """The building; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 1000)
        self._steps = self._run(0)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "main-meter/power": "W",
            "main-meter/energy-import": "kW.h",
            "main-meter/voltage-l1": "V",
            "heat-pump-meter/power": "W",
            "heat-pump-meter/energy-import": "kW.h",
            "ventilation-meter/power": "W",
            "ventilation-meter/energy-import": "kW.h",
            "supply-air/temperature": "Cel",
            "extract-air/temperature": "Cel",
            "exhaust-air/temperature": "Cel",
            "indoor/temperature": "Cel",
            "indoor/humidity": "%",
            "outdoor/temperature": "Cel",
            "outdoor/humidity": "%",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        at, noise = place(times, STEP_S), self._noise
        steps = self._reach(at.last)
        indoor = between(steps.air, at)
        outdoor, humidity = weather.air_temperature(noise, times), weather.relative_humidity(noise, times)
        streams = exchange(times, outdoor, indoor)
        heat_pump = between(steps.heat_pump, at) * (1.0 + 0.012 * noise.normal("heat-pump", times))
        others = between(steps.others, at) * (1.0 + 0.02 * noise.normal("others", times))
        fans = between(steps.fans, at) * (1.0 + 0.01 * noise.normal("fans", times))
        heat_pump_energy = counter(steps.heat_pump, steps.heat_pump_energy, at, STEP_S)
        others_energy = counter(steps.others, steps.others_energy, at, STEP_S)
        fans_energy = counter(steps.fans, steps.fans_energy, at, STEP_S)
        power = heat_pump + others + fans
        return {
            "main-meter/power": power,
            "main-meter/energy-import": (heat_pump_energy + others_energy + fans_energy) / 3.6e6,
            "main-meter/voltage-l1": 120.6 + 0.7 * noise.smooth("grid", times, 600.0) - 0.00012 * power,
            "heat-pump-meter/power": heat_pump,
            "heat-pump-meter/energy-import": heat_pump_energy / 3.6e6,
            "ventilation-meter/power": fans,
            "ventilation-meter/energy-import": fans_energy / 3.6e6,
            "supply-air/temperature": streams.supply + 0.05 * noise.normal("supply", times),
            "extract-air/temperature": indoor + 0.05 * noise.normal("extract", times),
            "exhaust-air/temperature": streams.exhaust + 0.05 * noise.normal("exhaust", times),
            "indoor/temperature": indoor + 0.03 * noise.normal("indoor", times),
            "indoor/humidity": self._indoor_humidity(times, indoor, outdoor, humidity),
            "outdoor/temperature": outdoor + 0.05 * noise.normal("outdoor", times),
            "outdoor/humidity": np.clip(humidity + 0.4 * noise.normal("outdoor/humidity", times), 0.0, 100.0),
        }

    def baseline(self, times: Array) -> Array:
        """Return the power in W of the building before the works, at times that are `STEP_S` apart."""
        outdoor, setpoint, others, gain, sun = self._conditions(times)
        conductance = np.full_like(outdoor, ENVELOPE_W_K + SUPPLY_W_K)
        _, heat = _balance(outdoor, gain, sun, setpoint, conductance, (0.0, MAX_BASEBOARD_W))
        return heat + others

    def _indoor_humidity(self, times: Array, indoor: Array, outdoor: Array, humidity: Array) -> Array:
        """Return %: the vapour of the outdoor air and 350 Pa of people and plants, at the indoor temperature."""
        vapour = humidity / 100.0 * weather.saturation_pressure(outdoor) + 350.0
        relative = 100.0 * vapour / weather.saturation_pressure(indoor) + 0.3 * self._noise.normal("humidity", times)
        return np.clip(relative, 12.0, 68.0)

    def _occupied(self, times: Array) -> Array:
        """Return the share of the people who are there, rising and falling within an hour."""
        local = times - 5 * 3600.0
        hour = local % DAY / 3600.0
        weekday = np.floor(local / DAY + 3.0) % 7 < 5  # 1 January 1970 was a Thursday
        return np.where(weekday, np.clip(hour - 7.5, 0.0, 1.0) * np.clip(18.5 - hour, 0.0, 1.0), 0.0)

    def _reach(self, step: int) -> _Steps:
        if step >= len(self._steps.air):
            self._steps = self._run(step)
        return self._steps

    def _conditions(self, times: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Return outdoor temperature, set point, power of light and sockets, heat inside, and heat of the sun."""
        outdoor, sun = weather.air_temperature(self._noise, times), weather.sunshine(self._noise, times)
        occupied = self._occupied(times)
        setpoint = 20.0 + 1.2 * np.clip(occupied, 0.0, 1.0)
        others = 750.0 + 4200.0 * occupied + 160.0 * self._noise.smooth("sockets", times, 1800.0)
        return outdoor, setpoint, others, 0.8 * others + PEOPLE_W * occupied, sun * WINDOWS_M2

    def _run(self, last: int) -> _Steps:
        """Step the balance from commissioning to a day beyond a step."""
        count = last + 100
        times: Array = COMMISSIONED + np.arange(count, dtype=np.float64) * STEP_S
        outdoor, setpoint, others, gain, sun = self._conditions(times)
        conductance = ENVELOPE_W_K + SUPPLY_W_K * (1.0 - effectiveness(times, outdoor))
        air, heat = _balance(outdoor, gain, sun, setpoint, conductance, (MAX_HEAT_W, MAX_HEAT_W))
        performance = np.clip(3.3 + 0.065 * (outdoor - 7.0), 1.8, 5.0)
        heat_pump = np.abs(heat) / performance + STANDBY_W
        fans = FANS_W * (1.0 + 0.05 * self._noise.smooth("wind-on-the-louvres", times, 0.5 * DAY))
        energies = (counted(power, STEP_S) for power in (heat_pump, others, fans))
        return _Steps(air, heat_pump, others, fans, *energies)


def extract_share(times: Array) -> Array:
    """Return the extract stream as a share of the supply stream: the state of the filter."""
    used = (times - COMMISSIONED - FILTER_HOUR * 3600.0) / DAY % FILTER_DAYS / FILTER_DAYS
    return np.asarray(1.0 - CLOGGED * used**2, dtype=np.float64)


def effectiveness(times: Array, outdoor: Array) -> Array:
    """Return (T_s − T_o)/(T_i − T_o): that of a counterflow exchanger whose weaker stream is the extract air."""
    share = extract_share(times)
    units = EXCHANGER_W_K / (SUPPLY_W_K * share)
    passes = np.exp(-units * (1.0 - share))
    unequal = (1.0 - passes) / np.maximum(1.0 - share * passes, 1e-12)
    ideal = np.where(share > 1.0 - 1e-6, units / (1.0 + units), unequal)
    return ideal * share * np.clip((BYPASS_FROM + BYPASS_OVER - outdoor) / BYPASS_OVER, 0.0, 1.0)


def exchange(times: Array, outdoor: Array, indoor: Array) -> Streams:
    """Return the streams that leave the exchanger; the heat that one gains the other loses."""
    gained = effectiveness(times, outdoor) * (indoor - outdoor)
    share = extract_share(times)
    return Streams(outdoor + gained, indoor - gained / share, share)


def _balance(
    outdoor: Array, gain: Array, sun: Array, setpoint: Array, outside: Array, most: tuple[float, float]
) -> tuple[Array, Array]:
    """Step both nodes; return the air's temperature and the heat given (negative when it is cooled).

    `outside` is W/K to the outdoor air, ventilation included; `most` the greatest cooling and heating in W.
    """
    air, mass = 21.0, 21.0
    airs, heats = np.empty_like(outdoor), np.empty_like(outdoor)
    columns = (outdoor, gain, sun, setpoint, outside)
    for k, (out, inside, sunny, wished, leaving) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        heat = min(max(GAIN_W_K * (wished - air), 0.0), most[1])
        if air > wished + 3.0:
            heat = -min(GAIN_W_K * (air - wished - 3.0), most[0])
        airs[k], heats[k] = air, heat
        flow = (mass - air) * MASS_W_K
        air += STEP_S / AIR_J_K * (flow + (out - air) * leaving + heat + inside)
        mass += STEP_S / MASS_J_K * (sunny - flow)
    return airs, heats
