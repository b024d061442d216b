"""An ultrafiltration pilot on river water: dead-end filtration at a set flux, backwash, weekly chemical cleaning.

Darcy's law through resistances in series (Cheryan 1998, “Ultrafiltration and Microfiltration Handbook”, chapter 4):

    TMP = J · µ(T) · (R_m + R_irr + R_rev)                                         [Pa], J in m/s, R in 1/m

- Reversible fouling is a cake: dR_rev/dt = α · c · J; α in m/kg, c = solids of the feed in kg/m³, taken as
  proportional to its turbidity.
- Every 30 minutes a backwash of 45 s takes the cake away; what it leaves (1 %) joins the irreversible part R_irr. On
  Mondays at 10:00 UTC the plant stops for an hour and a chemical cleaning takes 96 % of R_irr.
- Viscosity of water: µ = 2.414e-5 · 10^(247.8 / (T − 140)) Pa·s, T in K (Vogel's form; error below 2.5 % from 0 to
  100 °C).
- Membrane: 40 m², R_m = 1.2e12 1/m; intact, it holds back all but a floor of 0.02 NTU and 0.2 % of the feed's
  turbidity. A broken fibre lets a share of the feed through until it is pinned.
- Pump: hydraulic power Q · (TMP + losses) over an overall efficiency of 0.45, and 60 W of controls.

Within one cycle flux, viscosity and feed solids are held constant, so pressure, power and energy have closed forms;
from cycle to cycle a recurrence carries R_irr and the energy counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import weather
from vitrine_simulators.plants.plant import COMMISSIONED, DAY

CYCLE_S = 1800.0
BACKWASH_S = 45.0
FILTRATION_S = CYCLE_S - BACKWASH_S
AREA_M2 = 40.0
CLEAN_RESISTANCE = 1.2e12  # 1/m
CAKE = 2.0e15  # α, m/kg
SOLIDS_PER_NTU = 1.4e-3  # kg/m³
LEFT_BY_BACKWASH = 0.01
LEFT_BY_CLEANING = 0.04
CLEANING_CYCLES = 2  # an hour
WEEK_CYCLES = 336
CLEANING_SHIFT = 20  # COMMISSIONED is a Monday; 10:00 UTC is its cycle 20
BACKWASH_FLUX = 2.6e-5  # m/s
LOSSES_PA = 45_000.0
BACKWASH_LOSSES_PA = 120_000.0
EFFICIENCY = 0.45
CONTROLS_W = 60.0
BLEED = 0.05  # share of the feed that leaves as concentrate


@dataclass(frozen=True, slots=True)
class _Cycles:
    """One number a cycle, from commissioning on; all in SI."""

    flux: Array
    viscosity: Array
    #: Resistance at the beginning of the cycle, and what a second of filtration adds.
    resistance: Array
    growth: Array
    #: Energy used before the cycle, J.
    energy: Array


class Ultrafiltration:
    """The pilot; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed)
        self._cycles = self._run(0)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "feed-flow/flow": "m3/h",
            "permeate-flow/flow": "m3/h",
            "feed-turbidity/turbidity": "{NTU}",
            "permeate-turbidity/turbidity": "{NTU}",
            "membrane/pressure": "kPa",
            "membrane/temperature": "Cel",
            "pump/power": "W",
            "pump/energy-import": "kW.h",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        cycle, second = self._place(times)
        cycles = self._reach(int(cycle.max(initial=0)))
        flux, viscosity = cycles.flux[cycle], cycles.viscosity[cycle]
        running = (flux > 0) & (second < FILTRATION_S)
        washing = (flux > 0) & (second >= FILTRATION_S)
        # The cake grows while filtering and is gone within seconds of the backwash
        cake = np.where(washing, FILTRATION_S * np.exp(-np.maximum(second - FILTRATION_S, 0.0) / 5.0), second)
        resistance = cycles.resistance[cycle] + cycles.growth[cycle] * cake
        pressure = viscosity * np.where(running, flux * resistance, 0.0)
        pressure -= viscosity * np.where(washing, BACKWASH_FLUX * resistance, 0.0)
        permeate = np.where(running, flux * AREA_M2, 0.0)
        feed_turbidity = self._feed_turbidity(times)
        power = np.where(running, _pump(flux, pressure), CONTROLS_W)
        power = np.where(washing, _backwash_pump(), power)
        return {
            "feed-flow/flow": self._seen("feed", times, permeate / (1.0 - BLEED) * 3600.0, 0.003),
            "permeate-flow/flow": self._seen("permeate", times, permeate * 3600.0, 0.003),
            "feed-turbidity/turbidity": self._seen("turbidity-in", times, feed_turbidity, 0.015),
            "permeate-turbidity/turbidity": self._seen(
                "turbidity-out", times, self._passing(times, feed_turbidity), 0.02
            ),
            "membrane/pressure": pressure / 1000.0 + 0.08 * self._noise.normal("pressure", times),
            "membrane/temperature": self._water_temperature(times) + 0.01 * self._noise.normal("temperature", times),
            "pump/power": self._seen("power", times, power, 0.006),
            "pump/energy-import": (cycles.energy[cycle] + self._energy_within(cycles, cycle, second)) / 3.6e6,
        }

    def _seen(self, stream: str, times: Array, values: Array, deviation: float) -> Array:
        return np.asarray(values * (1.0 + deviation * self._noise.normal(stream, times)), dtype=np.float64)

    def _water_temperature(self, times: Array) -> Array:
        weather_part = 0.8 * self._noise.smooth("river", times, 4.0 * DAY)
        # A river follows the air with three weeks of delay and does not freeze where the pilot draws it
        return np.maximum(10.2 + 9.4 * weather.season(times, 21 * DAY) + weather_part, 0.8) + 0.3 * weather.day(
            times, 4 * 3600.0
        )

    def _feed_turbidity(self, times: Array) -> Array:
        calm = (
            4.2 * np.exp(0.22 * self._noise.smooth("turbidity", times, 0.4 * DAY)) * (1.0 + 0.06 * weather.day(times))
        )
        rain = np.zeros_like(times)
        for before in range(4):  # a flood is forgotten after three days
            begin_day = np.floor(times / DAY) - before
            begins = (begin_day + self._noise.uniform("rain/hour", begin_day)) * DAY
            height = np.where(self._noise.uniform("rain/falls", begin_day) < 0.16, 8.0, 0.0)
            height *= 1.0 + 3.0 * self._noise.uniform("rain/height", begin_day)
            hours = np.maximum(times - begins, 0.0) / 3600.0
            rain += height * (1.0 - np.exp(-hours / 1.5)) * np.exp(-hours / 11.0)
        return np.asarray(calm + rain, dtype=np.float64)

    def _passing(self, times: Array, feed: Array) -> Array:
        """Return the permeate's turbidity: a floor, a trace of the feed, and what broken fibres let through."""
        block = np.floor(times / (6.0 * DAY))
        begins = (block + 0.1 + 0.7 * self._noise.uniform("fibre/begins", block)) * 6.0 * DAY
        repaired = begins + 3600.0 * (5.0 + 9.0 * self._noise.uniform("fibre/hours", block))
        broken = (self._noise.uniform("fibre/breaks", block) < 0.6) & (times >= begins) & (times < repaired)
        share = np.where(broken, 0.015 + 0.05 * self._noise.uniform("fibre/share", block), 0.0)
        return np.asarray(0.02 + 0.002 * feed + share * feed, dtype=np.float64)

    @staticmethod
    def _place(times: Array) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.intp]], Array]:
        since = times - COMMISSIONED
        if since.min(initial=0.0) < 0:
            raise ValueError("the plant was not yet commissioned at the earliest of these times")
        cycle = np.floor(since / CYCLE_S)
        return cycle.astype(np.intp), since - cycle * CYCLE_S

    @staticmethod
    def _energy_within(cycles: _Cycles, cycle: np.ndarray[tuple[int, ...], np.dtype[np.intp]], second: Array) -> Array:
        """Return the energy in J used since the beginning of the cycle: the integral of the power."""
        flux, viscosity = cycles.flux[cycle], cycles.viscosity[cycle]
        run, wash = np.minimum(second, FILTRATION_S), np.maximum(second - FILTRATION_S, 0.0)
        mean_resistance = cycles.resistance[cycle] + cycles.growth[cycle] * run / 2.0
        filtering = _pump(flux, flux * viscosity * mean_resistance) * run + _backwash_pump() * wash
        return np.where(flux > 0, filtering, CONTROLS_W * second)

    def _reach(self, cycle: int) -> _Cycles:
        if cycle >= len(self._cycles.flux):
            self._cycles = self._run(cycle)
        return self._cycles

    def _run(self, last: int) -> _Cycles:
        """Run the recurrence from commissioning to a day beyond a cycle."""
        count = last + 50
        index = np.arange(count)
        middle: Array = COMMISSIONED + (index.astype(np.float64) + 0.5) * CYCLE_S
        demand = 0.6 * weather.day(middle, 1.5 * 3600.0) + 0.5 * self._noise.smooth("demand", middle, 0.25 * DAY)
        cleaning = (index - CLEANING_SHIFT) % WEEK_CYCLES < CLEANING_CYCLES
        flux = np.where(cleaning, 0.0, (2.25 + 0.25 * demand) / AREA_M2 / 3600.0)
        kelvin = self._water_temperature(middle) + 273.15
        viscosity = 2.414e-5 * 10.0 ** (247.8 / (kelvin - 140.0))
        growth = CAKE * SOLIDS_PER_NTU * self._feed_turbidity(middle) * flux
        fouling = np.zeros(count)
        for k in range(1, count):
            kept = LEFT_BY_CLEANING if cleaning[k] and not cleaning[k - 1] else 1.0
            fouling[k] = kept * (fouling[k - 1] + LEFT_BY_BACKWASH * growth[k - 1] * FILTRATION_S)
        cycles = _Cycles(flux, viscosity, CLEAN_RESISTANCE + fouling, growth, np.zeros(count))
        used = self._energy_within(cycles, index.astype(np.intp), np.full(count, CYCLE_S))
        return _Cycles(flux, viscosity, cycles.resistance, growth, np.concatenate(([0.0], np.cumsum(used)[:-1])))


def _pump(flux: Array, pressure: Array) -> Array:
    feed = flux * AREA_M2 / (1.0 - BLEED)
    return np.asarray(CONTROLS_W + feed * (pressure + LOSSES_PA) / EFFICIENCY, dtype=np.float64)


def _backwash_pump() -> float:
    return CONTROLS_W + BACKWASH_FLUX * AREA_M2 * (BACKWASH_LOSSES_PA + 60_000.0) / EFFICIENCY
