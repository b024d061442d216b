"""A photovoltaic array with a battery behind one meter: what the sky gives, what is used, stored, sold and bought.

Chain of models, each as published:

- Sun, clear sky, tilted plane: `sun`. Clouds: the sky's cover is a smooth signal, of hours and of days; a field of
  passing clouds decides each minute whether the sun is behind one. A cloud lets 22 to 47 % through, the less the
  fuller the sky, and the edge of one adds up to 12 %, as white edges do (irradiance above that of a clear sky is
  commonly measured there).
- Module temperature: Faiman 2008, Progress in Photovoltaics 16, 307–315 (the model of IEC 61853-3):
  T_m = T_a + G / (25.0 + 6.84 · v), slowed by a time constant of 7 minutes; cells are 3 K warmer at 1000 W/m² (King,
  Boyson and Kratochvil 2004, SAND2004-3535).
- Direct current: P0 · G/1000 · (1 + γ (T_cell − 25 °C)), γ = −0.35 %/K, less 9 % for dirt, mismatch, wiring, age and
  reflection; inverter with the efficiency curve of PVWatts 5 (Dobos 2014, NREL/TP-6A20-62641), 96 % nominal, which
  clips at 10 kW.
- Snow: Marion et al. 2013, Solar Energy 97, 112–121: an hour with more than 1 cm of snow covers the array; snow slides
  by 0.197 · sin(tilt) of its height in an hour in which T_a > G / (−80 W/(m²·K)). Covered cells give nothing, while the
  sensor of irradiance, which is heated, sees the sun.
- Battery: 20 kWh, ±5 kW, 94 % each way between meter and cells, 15 W of electronics fed by the cells; every five
  minutes its controller takes what the array has too much, or gives what the house lacks, tapering within a quarter of
  an hour of full (95 %) and empty (10 %).
- House: 600 W, more on mornings and evenings.

Energy balance at the meter, in every instant: array + import + discharge = house + export + charge. All powers are
linear between whole minutes and every counter is the exact integral of its power. Each chain but the clouds and the
house is checked against pvlib in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine_simulators.noise import Array, Noise
from vitrine_simulators.plants import sun, weather
from vitrine_simulators.plants.days import Days, Table, counted
from vitrine_simulators.plants.plant import DAY

STEP_S = 60.0
LATITUDE, LONGITUDE = 45.13, -71.80
PLANE = sun.Plane(tilt_deg=40.0, azimuth_deg=180.0)
PEAK_W = 12_000.0
INVERTER_W = 10_000.0
NOMINAL_EFFICIENCY, REFERENCE_EFFICIENCY = 0.96, 0.9637
TEMPERATURE_COEFFICIENT = -0.0035  # 1/K
LOSSES = 0.09
FAIMAN = (25.0, 6.84)  # W/(m²·K), W·s/(m³·K)
CELL_ABOVE_MODULE_K = 3.0
MODULE_TAU_S = 420.0
CAPACITY_J = 20.0 * 3.6e6
BATTERY_W = 5000.0
ONE_WAY = 0.94
ELECTRONICS_W = 15.0
FULL, EMPTY = 0.95, 0.10
TAPER_S = 900.0
CONTROL_STEPS = 5
SLIDE = 0.197 * np.sin(np.radians(PLANE.tilt_deg))
SLIDES_ABOVE = -80.0  # W/(m²·K)
COVERING_SNOW = 1.0  # cm in an hour

#: Columns that count, each with its rate.
COUNTERS = {f"{name}/energy": name for name in ("array", "import", "export", "charge", "discharge")}


@dataclass(frozen=True, slots=True)
class _Midnight:
    """What a day begins with: energy counted so far in J, energy in the cells, share of the array under snow."""

    counted: Mapping[str, float]
    stored: float
    battery: float
    snow: float


class Photovoltaics:
    """The array, its battery and the house; every signal a function of (seed, time)."""

    def __init__(self, seed: int = 1) -> None:
        self._noise = Noise(seed + 2000)
        first = _Midnight(dict.fromkeys(COUNTERS, 0.0), 0.5 * CAPACITY_J, 0.0, 0.0)
        self._days = Days(self._run, first, STEP_S)

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its unit."""
        return {
            "inverter/power": "W",
            "inverter/energy": "kW.h",
            "inverter/dc-power": "W",
            "inverter/temperature": "Cel",
            "inverter/status": "1",
            "grid-meter/power": "W",
            "grid-meter/energy-import": "kW.h",
            "grid-meter/energy-export": "kW.h",
            "grid-meter/voltage-l1": "V",
            "grid-meter/frequency": "Hz",
            "battery-meter/power": "W",
            "battery-meter/energy-import": "kW.h",
            "battery-meter/energy-export": "kW.h",
            "battery/state-of-charge": "%",
            "battery/voltage": "V",
            "irradiance/plane-of-array": "W/m2",
            "weather/module-temperature": "Cel",
            "weather/air-temperature": "Cel",
            "weather/wind-speed": "m/s",
        }

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times."""
        now = self._days.at(times, COUNTERS)
        noise = self._noise
        array = now["array"] * (1.0 + 0.002 * noise.normal("inverter", times))
        grid = now["import"] - now["export"]
        battery = now["charge"] - now["discharge"]
        share = now["stored"] / CAPACITY_J
        feeding = 0.00015 * (now["export"] - now["import"])
        return {
            "inverter/power": array,
            "inverter/energy": now["array/energy"] / 3.6e6,
            "inverter/dc-power": now["direct"] * (1.0 + 0.002 * noise.normal("direct", times)),
            "inverter/temperature": self._cabinet(times, now),
            "inverter/status": _status(now),
            "grid-meter/power": grid + 6.0 * noise.normal("grid", times),
            "grid-meter/energy-import": now["import/energy"] / 3.6e6,
            "grid-meter/energy-export": now["export/energy"] / 3.6e6,
            "grid-meter/voltage-l1": 120.4 + 0.6 * noise.smooth("voltage", times, 600.0) + feeding,
            "grid-meter/frequency": 60.0 + 0.015 * noise.smooth("frequency", times, 20.0),
            "battery-meter/power": battery + 4.0 * noise.normal("battery", times),
            "battery-meter/energy-import": now["charge/energy"] / 3.6e6,
            "battery-meter/energy-export": now["discharge/energy"] / 3.6e6,
            "battery/state-of-charge": 100.0 * share,
            "battery/voltage": _voltage(share, battery) + 0.05 * noise.normal("cells", times),
            "irradiance/plane-of-array": np.maximum(now["plane"] * (1.0 + 0.004 * noise.normal("plane", times)), 0.0),
            "weather/module-temperature": now["module"] + 0.1 * noise.normal("module", times),
            "weather/air-temperature": now["air"] + 0.05 * noise.normal("air", times),
            "weather/wind-speed": np.maximum(now["wind"] * (1.0 + 0.05 * noise.normal("wind", times)), 0.0),
        }

    def balance(self, times: Array) -> Table:
        """Return the powers at the meter in W and the energy in the cells in J, without the instruments' noise."""
        return self._days.at(times, COUNTERS)

    def _cabinet(self, times: Array, now: Table) -> Array:
        """Return the inverter's own temperature: indoors, warmed by its losses."""
        losses = np.maximum(now["direct"] - now["array"], 0.0)
        return 16.0 + 4.0 * weather.season(times) + 0.055 * losses + 0.2 * self._noise.normal("cabinet", times)

    def _run(self, times: Array, begin: _Midnight) -> tuple[Table, _Midnight]:
        """Run a day of minutes, midnight to midnight."""
        air, wind = weather.air_temperature(self._noise, times), weather.wind_speed(self._noise, times)
        plane = self._irradiance(times)
        module = self._module_temperature(times, air, wind, plane)
        snow = self._snow(times, begin.snow)
        lit = plane * (1.0 - snow)
        # Beyond its rating the inverter leaves the modules at a voltage at which they give less
        direct = direct_power(lit, module + CELL_ABOVE_MODULE_K * lit / 1000.0)
        direct = np.minimum(direct, INVERTER_W / NOMINAL_EFFICIENCY)
        array = alternating_power(direct)
        house = self._house(times)
        battery = _controlled(array - house, begin.stored, begin.battery)
        charge, discharge = np.maximum(battery, 0.0), np.maximum(-battery, 0.0)
        grid = house + battery - array
        table = {
            "air": air,
            "wind": wind,
            "plane": plane,
            "module": module,
            "snow": snow,
            "direct": direct,
            "array": array,
            "house": house,
            "charge": charge,
            "discharge": discharge,
            "import": np.maximum(grid, 0.0),
            "export": np.maximum(-grid, 0.0),
            "stored": counted(charge * ONE_WAY - discharge / ONE_WAY - ELECTRONICS_W, STEP_S, begin.stored),
        }
        for name, rate in COUNTERS.items():
            table[name] = counted(table[rate], STEP_S, begin.counted[name])
        end = {name: float(table[name][-1]) for name in COUNTERS}
        return table, _Midnight(end, float(table["stored"][-1]), float(battery[-1]), float(snow[-1]))

    def _irradiance(self, times: Array) -> Array:
        """Return the irradiance on the array's plane in W/m², through the clouds."""
        stands = sun.position(times, LATITUDE, LONGITUDE)
        snowing = np.minimum(weather.snowfall(self._noise, times), 1.0)
        systems = 0.35 * self._noise.smooth("cloud-systems", times, 1.5 * DAY)
        cover = np.clip(weather.cloud_cover(self._noise, times) + systems, np.maximum(0.03, 0.95 * snowing), 0.97)
        field = self._noise.smooth("passing-clouds", times, 300.0)
        beyond = field - 0.42 * np.log(cover / (1.0 - cover))
        hidden, near = 1.0 / (1.0 + np.exp(beyond / 0.06)), 1.0 / (1.0 + np.exp((beyond - 0.35) / 0.1))
        through = 1.0 - hidden * (0.52 + 0.27 * cover) + 0.12 * near * (1.0 - hidden)
        return sun.on_plane(stands, sun.clear_sky(stands) * through, PLANE)

    def _module_temperature(self, times: Array, air: Array, wind: Array, plane: Array) -> Array:
        """Return Faiman's temperature behind the module in °C, slowed by the module's heat capacity."""
        before = times[0] - np.arange(30, 0, -1) * STEP_S
        earlier = self._irradiance(before) / _cooling(weather.wind_speed(self._noise, before))
        warming = np.concatenate([earlier, plane / _cooling(wind)])
        weights = np.exp(-np.arange(31) * STEP_S / MODULE_TAU_S)
        return air + np.convolve(warming, weights / weights.sum(), mode="valid")

    def _snow(self, times: Array, begin: float) -> Array:
        """Return the covered share of the array, hour by hour, linear in between."""
        hours = times[:: round(3600.0 / STEP_S)]
        middle = hours[:-1] + 1800.0
        fresh = weather.snowfall(self._noise, middle) >= COVERING_SNOW
        slides = weather.air_temperature(self._noise, middle) > self._irradiance(middle) / SLIDES_ABOVE
        return np.interp(times, hours, covered(fresh, slides, begin))

    def _house(self, times: Array) -> Array:
        """Return what the house uses, W."""
        hour = (times - 5.0 * 3600.0) % DAY / 3600.0
        morning, evening = np.exp(-(((hour - 7.3) / 1.1) ** 2)), np.exp(-(((hour - 18.8) / 2.0) ** 2))
        appliances = np.maximum(self._noise.smooth("appliances", times, 900.0), 0.0)
        return 600.0 + 1500.0 * morning + 2300.0 * evening + 900.0 * appliances * (0.3 + morning + evening)


def direct_power(irradiance: Array, cell: Array) -> Array:
    """Return the array's direct-current power in W from W/m² on its cells and their temperature in °C."""
    return PEAK_W * (1.0 - LOSSES) * irradiance / 1000.0 * (1.0 + TEMPERATURE_COEFFICIENT * (cell - 25.0))


def alternating_power(direct: Array) -> Array:
    """Return what the inverter makes of it, W; it needs some light to start and clips at its rating."""
    load = np.maximum(direct / (INVERTER_W / NOMINAL_EFFICIENCY), 1e-9)
    efficiency = NOMINAL_EFFICIENCY / REFERENCE_EFFICIENCY * (-0.0162 * load - 0.0059 / load + 0.9858)
    return np.clip(efficiency * direct, 0.0, INVERTER_W)


def covered(fresh: NDArray[np.bool_], slides: NDArray[np.bool_], begin: float) -> Array:
    """Return the share under snow at the beginning of each hour and at the end of the last."""
    shares = [begin]
    for falls, moves in zip(fresh, slides, strict=True):
        shares.append(1.0 if falls else max(shares[-1] - SLIDE * moves, 0.0))
    return np.array(shares)


def _controlled(surplus: Array, stored: float, before: float) -> Array:
    """Return the battery's power at its meter, W, positive while it charges: set every few minutes, linear between."""
    step = CONTROL_STEPS * STEP_S
    wishes = surplus[::CONTROL_STEPS]
    powers = [before]
    for wish in wishes[1:].tolist():
        room, rest = FULL * CAPACITY_J - stored, stored - EMPTY * CAPACITY_J
        # Below empty, the electronics having drained it, it is charged whatever the array gives
        most, least = max(room, 0.0) / TAPER_S / ONE_WAY, rest / TAPER_S * ONE_WAY
        power = max(-min(least, BATTERY_W), min(wish, most, BATTERY_W))
        mean = (powers[-1] + power) / 2.0
        stored += (mean * ONE_WAY if mean > 0 else mean / ONE_WAY) * step - ELECTRONICS_W * step
        powers.append(power)
    knots = np.arange(len(wishes)) * CONTROL_STEPS
    return np.interp(np.arange(len(surplus)), knots, powers)


def _cooling(wind: Array) -> Array:
    return FAIMAN[0] + FAIMAN[1] * wind


def _status(now: Table) -> Array:
    """Return the SunSpec state: 2 asleep, 4 at its best point, 5 held at its rating."""
    running = np.where(now["array"] >= INVERTER_W - 1.0, 5.0, 4.0)
    return np.where(now["array"] > 0.0, running, 2.0)


def _voltage(share: Array, power: Array) -> Array:
    """Return the voltage of 16 lithium iron phosphate cells: flat in the middle, steep at the ends."""
    ends = 1.1 * np.tanh((share - 0.95) / 0.05) + 1.6 * np.tanh((share - 0.06) / 0.06)
    return 52.0 + ends + 0.6 * share + power * 1.6e-4
