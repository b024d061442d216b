"""A test bench of an air-to-water heat pump that heats a house and its hot water, with a heat meter.

- House: losses of 190 W/K to the outdoor air of the last six hours, 700 W of gains, 20.5 °C inside. Supply temperature
  by the heating curve 25 °C + 0.62 · (20.5 °C − T_o), from 25 to 45 °C. Twice a day a cycle heats hot water at 50 °C.
- Performance: COP = 0.85 · (6.08 − 0.09 ΔT + 0.0005 ΔT²), ΔT = supply − outdoor, at least 15 K: Ruhnau, Hirth and
  Praktiknjo 2019, Scientific Data 6, 189 (air source; 0.85 is their correction from the test stand to the field).
  Capacity 8.5 kW at 7 °C, 2.2 % less for each kelvin below; down to 35 % of it the compressor follows the demand, below
  it stops for a part of each cycle. What the heat pump cannot give, a resistance of 6 kW gives.
- Frost: the coil is 6 K colder than the air. Where that is below 0 °C and the air is moist, ice grows:
  0.35 kg/s of air · (w − w_sat), w the humidity ratio. More than 0.15 kg in a cycle is melted at its end, by 60 s of
  reversal and 334 kJ/kg at 3 kW taken from the house's water.
- Heat meter: Q = ṁ · c · (T_supply − T_return), ṁ · c = 1395 W/K (1.2 m³/h); it follows with a time constant of 60 s,
  the return pipe with 180 s.

Everything is constant within the two parts of a cycle of 45 minutes (heating; then rest or defrost), so the energies
have closed forms, and what the house and the tank need is what heat pump and resistance give, less what melts
the ice. Electricity is metered in four parts, from which the boundaries H1 to H4 of SEPEMO-Build (2012) follow: H1
compressor, H2 with the fan of the source, H3 with the resistance, H4 with the circulator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.plant import COMMISSIONED

CYCLE_S = 2700.0
DAY_CYCLES = 32
#: Cycles of the day that heat water: they begin at 10:30 and 22:30 UTC.
WATER_CYCLES = (14, 30)
WATER_W, WATER_SUPPLY = 3800.0, 50.0
LOSSES_W_K = 190.0
GAINS_W = 700.0
INDOOR = 20.5
FIELD = 0.85
CAPACITY_W, CAPACITY_SLOPE = 8500.0, 0.022
LEAST_SHARE = 0.35
RESISTANCE_W = 6000.0
COIL_BELOW_AIR = 6.0
MOIST_AIR_KG_S = 0.35
LEAST_ICE_KG = 0.15
FUSION_J_KG = 334e3
REVERSAL_S, LONGEST_DEFROST_S = 60.0, 480.0
DEFROST_W, DEFROST_COMPRESSOR_W = 3000.0, 1100.0
FAN_W, CIRCULATOR_W = 60.0, 45.0
STANDBY_W = 12.0
FLOW_M3_H = 1.2
WATER_W_K = FLOW_M3_H / 3600.0 * 1000.0 * 4186.0
METER_TAU_S, RETURN_TAU_S = 60.0, 180.0


@dataclass(frozen=True, slots=True)
class Cycles:
    """One number a cycle, from commissioning on; powers in W, energies in J before the cycle, temperatures in °C."""

    #: Seconds of heating; what follows is rest, or defrost.
    heating: Array
    defrosts: NDArray[np.bool_]
    circulates: NDArray[np.bool_]
    #: Heat that is wanted, on average over the cycle.
    demand: Array
    outdoor: Array
    supply: Array
    back: Array
    ice: Array  # kg melted
    #: While it heats.
    heat_pump: Array
    compressor: Array
    resistance: Array
    #: Energies before the cycle.
    compressor_energy: Array
    fan_energy: Array
    resistance_energy: Array
    circulator_energy: Array


class HeatPump:
    """The bench; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 3000)
        self._cycles = self._run(0)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "heat-meter/power": "W",
            "heat-meter/flow": "m3/h",
            "heat-meter/supply-temperature": "Cel",
            "heat-meter/return-temperature": "Cel",
            "compressor/power": "W",
            "compressor/energy-import": "kW.h",
            "fan/power": "W",
            "fan/energy-import": "kW.h",
            "resistance/power": "W",
            "resistance/energy-import": "kW.h",
            "circulator/power": "W",
            "circulator/energy-import": "kW.h",
            "outdoor/temperature": "Cel",
            "outdoor/humidity": "%",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        k, second = self._place(times)
        cycles = self.cycles(int(k.max(initial=0)))
        on, defrost = second < cycles.heating[k], cycles.defrosts[k]
        heat = _heat(cycles, k, second)
        flow = np.where(cycles.circulates[k], FLOW_M3_H, 0.0)
        back = _relaxed(cycles.back[k], cycles.back[np.maximum(k - 1, 0)], second, RETURN_TAU_S)
        rest = np.maximum(second - cycles.heating[k], 0.0)
        run = np.minimum(second, cycles.heating[k])
        compressor = np.where(on, cycles.compressor[k], _rest_compressor(defrost))
        fan = np.where(on & (cycles.heat_pump[k] > 0), FAN_W, 0.0)
        resistance = np.where(on, cycles.resistance[k], 0.0)
        circulator = np.where(cycles.circulates[k], CIRCULATOR_W, 3.0)
        counted = {
            "compressor": cycles.compressor_energy[k] + cycles.compressor[k] * run + _rest_compressor(defrost) * rest,
            "fan": cycles.fan_energy[k] + np.where(cycles.heat_pump[k] > 0, FAN_W, 0.0) * run,
            "resistance": cycles.resistance_energy[k] + cycles.resistance[k] * run,
            "circulator": cycles.circulator_energy[k] + circulator * second,
        }
        noise = self._noise
        seen = {
            "heat-meter/power": heat * (1.0 + 0.002 * noise.normal("heat", times)),
            "heat-meter/flow": flow * (1.0 + 0.003 * noise.normal("flow", times)),
            "heat-meter/supply-temperature": back + heat / WATER_W_K + 0.01 * noise.normal("supply", times),
            "heat-meter/return-temperature": back + 0.01 * noise.normal("return", times),
            "compressor/power": compressor * (1.0 + 0.006 * noise.normal("compressor", times)),
            "fan/power": fan * (1.0 + 0.01 * noise.normal("fan", times)),
            "resistance/power": resistance * (1.0 + 0.003 * noise.normal("resistance", times)),
            "circulator/power": circulator * (1.0 + 0.01 * noise.normal("circulator", times)),
            "outdoor/temperature": self._outdoor(times) + 0.05 * noise.normal("outdoor", times),
            "outdoor/humidity": np.clip(self._humidity(times) + 0.4 * noise.normal("humidity", times), 0.0, 100.0),
        }
        return seen | {f"{meter}/energy-import": energy / 3.6e6 for meter, energy in counted.items()}

    def cycles(self, last: int) -> Cycles:
        """Return the cycles up to one at least."""
        if last >= len(self._cycles.demand):
            self._cycles = self._run(last)
        return self._cycles

    def _place(self, times: Array) -> tuple[NDArray[np.intp], Array]:
        since = times - COMMISSIONED
        if since.min(initial=0.0) < 0:
            raise ValueError("the heat pump was not yet commissioned at the earliest of these times")
        cycle = np.floor(since / CYCLE_S)
        return cycle.astype(np.intp), since - cycle * CYCLE_S

    def _outdoor(self, times: Array) -> Array:
        return weather.air_temperature(self._noise, times)

    def _humidity(self, times: Array) -> Array:
        return weather.relative_humidity(self._noise, times)

    def _run(self, last: int) -> Cycles:
        """Compute the cycles from commissioning to a day beyond one of them."""
        index = np.arange(last + DAY_CYCLES)
        middle: Array = COMMISSIONED + (index.astype(np.float64) + 0.5) * CYCLE_S
        outdoor = self._outdoor(middle)
        lasting = np.mean([self._outdoor(middle - hours * 3600.0) for hours in (0.0, 2.0, 4.0, 6.0)], axis=0)
        water = np.isin(index % DAY_CYCLES, WATER_CYCLES)
        house = np.maximum(LOSSES_W_K * (INDOOR - lasting) - GAINS_W, 0.0)
        demand = np.where(water, WATER_W, house)
        supply = np.where(water, WATER_SUPPLY, np.clip(25.0 + 0.62 * (INDOOR - outdoor), 25.0, 45.0))
        capacity = CAPACITY_W * np.clip(1.0 + CAPACITY_SLOPE * (outdoor - 7.0), 0.2, 1.15)
        follows = demand >= LEAST_SHARE * capacity
        grown = self._ice(middle, outdoor) * follows
        ice = np.where(grown > LEAST_ICE_KG, grown, 0.0)
        defrost = np.where(ice > 0, np.minimum(REVERSAL_S + ice * FUSION_J_KG / DEFROST_W, LONGEST_DEFROST_S), 0.0)
        part = np.where(follows, capacity, LEAST_SHARE * capacity)
        heating = np.where(follows, CYCLE_S - defrost, CYCLE_S * demand / part)
        wanted = np.divide(
            demand * CYCLE_S + DEFROST_W * defrost, heating, out=np.zeros_like(demand), where=heating > 0
        )
        heat_pump = np.minimum(wanted, part)
        resistance = np.minimum(wanted - heat_pump, RESISTANCE_W)
        electric = heat_pump / performance(supply, outdoor)
        compressor = np.where(heating > 0, np.maximum(electric - FAN_W, STANDBY_W), STANDBY_W)
        circulates = demand > 0
        defrosts = defrost > 0
        back = np.where(circulates, supply - demand / WATER_W_K, INDOOR + 1.0)
        rest = CYCLE_S - heating
        used = {
            "compressor_energy": compressor * heating + _rest_compressor(defrosts) * rest,
            "fan_energy": np.where(heat_pump > 0, FAN_W, 0.0) * heating,
            "resistance_energy": resistance * heating,
            "circulator_energy": np.where(circulates, CIRCULATOR_W, 3.0) * CYCLE_S,
        }
        return Cycles(
            heating=heating,
            defrosts=defrosts,
            circulates=circulates,
            demand=demand,
            outdoor=outdoor,
            supply=supply,
            back=back,
            ice=ice,
            heat_pump=heat_pump,
            compressor=compressor,
            resistance=resistance,
            **{name: _before(one) for name, one in used.items()},
        )

    def _ice(self, middle: Array, outdoor: Array) -> Array:
        """Return the ice in kg that grows on the coil in one cycle of heating."""
        coil = outdoor - COIL_BELOW_AIR
        vapour = self._humidity(middle) / 100.0 * weather.saturation_pressure(outdoor)
        moist = 0.622 / 101_325.0 * np.maximum(vapour - weather.saturation_pressure(coil), 0.0)
        return np.where(coil < 0.0, MOIST_AIR_KG_S * moist * CYCLE_S, 0.0)


def performance(supply: Array, outdoor: Array) -> Array:
    """Return heat for electricity, the fan's included, between an outdoor and a supply temperature in °C."""
    lift = np.maximum(supply - outdoor, 15.0)
    return FIELD * (6.08 - 0.09 * lift + 0.0005 * lift**2)


def _rest_compressor(defrosts: NDArray[np.bool_]) -> Array:
    return np.where(defrosts, DEFROST_COMPRESSOR_W, STANDBY_W)


def _targets(cycles: Cycles, k: NDArray[np.intp]) -> tuple[Array, Array]:
    """Return the heat while heating, and afterwards, to which the meter goes."""
    return cycles.heat_pump[k] + cycles.resistance[k], np.where(cycles.defrosts[k], -DEFROST_W, 0.0)


def _heat(cycles: Cycles, k: NDArray[np.intp], second: Array) -> Array:
    """Return the heat that the meter sees, W."""
    on, rest = _targets(cycles, k)
    before = np.where(cycles.heating[k] > 0, _targets(cycles, np.maximum(k - 1, 0))[1], rest)
    heating = cycles.heating[k]
    first = _relaxed(on, before, second, METER_TAU_S)
    reached = np.where(heating > 0, _relaxed(on, before, heating, METER_TAU_S), before)
    return np.where(second < heating, first, _relaxed(rest, reached, np.maximum(second - heating, 0.0), METER_TAU_S))


def _relaxed(target: Array, begin: Array, second: Array, tau: float) -> Array:
    return np.asarray(target + (begin - target) * np.exp(-second / tau), dtype=np.float64)


def _before(used: Array) -> Array:
    """Return what was counted before each cycle."""
    return np.concatenate(([0.0], np.cumsum(used)[:-1]))
