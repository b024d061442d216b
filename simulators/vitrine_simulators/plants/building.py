"""A renovated community building heated and cooled by an air-source heat pump.

Two thermal nodes, the air with its furniture (i) and the structure (m), as in the R3C2 family of grey-box models
(Bacher and Madsen 2011, “Identifying suitable models for the heat dynamics of buildings”):

    C_i dT_i/dt = (T_m − T_i)·H_im + (T_o − T_i)·H_io + Q_hp + Q_gain          [W], T in °C, H in W/K, C in J/K
    C_m dT_m/dt = (T_i − T_m)·H_im + Q_sun

- 600 m² of floor: H_io = 420 W/K (envelope and ventilation with recovery), H_im = 2500 W/K, C_i = 1.5e7,
  C_m = 2.5e8 J/K.
- The heat pump follows a proportional thermostat, ±14 kW of heat; coefficient of performance 3.3 + 0.065·(T_o − 7),
  from 1.8 to 5, a line through the field results that heatpumpmonitor.org publishes for air-source machines.
- Occupancy on weekdays from 8 to 18 h, Eastern standard time: light, sockets and people.

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

STEP_S = 900.0
AIR_J_K = 1.5e7
MASS_J_K = 2.5e8
OUTSIDE_W_K = 420.0
MASS_W_K = 2500.0
GAIN_W_K = 8000.0
MAX_HEAT_W = 14_000.0
STANDBY_W = 45.0
WINDOWS_M2 = 14.0
PEOPLE_W = 1400.0


@dataclass(frozen=True, slots=True)
class _Steps:
    """One number a step, from commissioning on."""

    air: Array
    heat_pump: Array  # W, electric
    others: Array  # W
    heat_pump_energy: Array  # J before the step
    others_energy: Array


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
            "indoor/temperature": "Cel",
            "indoor/humidity": "%",
            "outdoor/temperature": "Cel",
            "outdoor/humidity": "%",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        position = (times - COMMISSIONED) / STEP_S
        if position.min(initial=0.0) < 0:
            raise ValueError("the building was not yet commissioned at the earliest of these times")
        steps = self._reach(int(position.max(initial=0.0)) + 1)
        step = np.floor(position).astype(np.intp)
        share = position - step
        heat_pump, heat_pump_energy = _between(steps.heat_pump, steps.heat_pump_energy, step, share)
        others, others_energy = _between(steps.others, steps.others_energy, step, share)
        indoor = steps.air[step] + share * (steps.air[step + 1] - steps.air[step])
        outdoor = weather.air_temperature(self._noise, times)
        humidity = weather.relative_humidity(self._noise, times)
        heat_pump_seen = heat_pump * (1.0 + 0.012 * self._noise.normal("heat-pump", times))
        others_seen = others * (1.0 + 0.02 * self._noise.normal("others", times))
        sag = 0.00012 * (heat_pump_seen + others_seen)
        return {
            "main-meter/power": heat_pump_seen + others_seen,
            "main-meter/energy-import": (heat_pump_energy + others_energy) / 3.6e6,
            "main-meter/voltage-l1": 120.6 + 0.7 * self._noise.smooth("grid", times, 600.0) - sag,
            "heat-pump-meter/power": heat_pump_seen,
            "heat-pump-meter/energy-import": heat_pump_energy / 3.6e6,
            "indoor/temperature": indoor + 0.03 * self._noise.normal("indoor", times),
            "indoor/humidity": self._indoor_humidity(times, indoor, outdoor, humidity),
            "outdoor/temperature": outdoor + 0.05 * self._noise.normal("outdoor", times),
            "outdoor/humidity": np.clip(humidity + 0.4 * self._noise.normal("outdoor/humidity", times), 0.0, 100.0),
        }

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

    def _run(self, last: int) -> _Steps:
        """Step the balance from commissioning to a day beyond a step."""
        count = last + 100
        times: Array = COMMISSIONED + np.arange(count, dtype=np.float64) * STEP_S
        outdoor, sun = weather.air_temperature(self._noise, times), weather.sunshine(self._noise, times)
        occupied = self._occupied(times)
        setpoint = 20.0 + 1.2 * np.clip(occupied, 0.0, 1.0)
        others = 750.0 + 4200.0 * occupied + 160.0 * self._noise.smooth("sockets", times, 1800.0)
        gain = 0.8 * others + PEOPLE_W * occupied
        air, heat = _balance(outdoor, gain, sun * WINDOWS_M2, setpoint)
        performance = np.clip(3.3 + 0.065 * (outdoor - 7.0), 1.8, 5.0)
        heat_pump = np.abs(heat) / performance + STANDBY_W
        return _Steps(air, heat_pump, others, _counter(heat_pump), _counter(others))


def _balance(outdoor: Array, gain: Array, sun: Array, setpoint: Array) -> tuple[Array, Array]:
    """Step both nodes; return the air's temperature and the heat of the heat pump (negative when it cools)."""
    air, mass = 21.0, 21.0
    airs, heats = np.empty_like(outdoor), np.empty_like(outdoor)
    for k, (out, inside, sunny, wished) in enumerate(
        zip(outdoor.tolist(), gain.tolist(), sun.tolist(), setpoint.tolist(), strict=True)
    ):
        heat = min(max(GAIN_W_K * (wished - air), 0.0), MAX_HEAT_W)
        if air > wished + 3.0:
            heat = -min(GAIN_W_K * (air - wished - 3.0), MAX_HEAT_W)
        airs[k], heats[k] = air, heat
        flow = (mass - air) * MASS_W_K
        air += STEP_S / AIR_J_K * (flow + (out - air) * OUTSIDE_W_K + heat + inside)
        mass += STEP_S / MASS_J_K * (sunny - flow)
    return airs, heats


def _counter(power: Array) -> Array:
    """Return the energy in J before each step, of a power that is linear in between."""
    return np.concatenate(([0.0], np.cumsum((power[1:] + power[:-1]) / 2.0 * STEP_S)))


def _between(
    power: Array, energy: Array, step: np.ndarray[tuple[int, ...], np.dtype[np.intp]], share: Array
) -> tuple[Array, Array]:
    """Return power and energy inside a step."""
    begin = power[step]
    now = begin + share * (power[step + 1] - begin)
    return now, energy[step] + (begin + now) / 2.0 * share * STEP_S
