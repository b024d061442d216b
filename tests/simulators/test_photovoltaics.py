"""The photovoltaic array against pvlib, its energy balance, and a year of it."""

import numpy as np
import pandas as pd
import pytest
from pvlib import clearsky, inverter, irradiance, pvsystem, snow, solarposition, temperature

from vitrine_simulators.noise import Noise
from vitrine_simulators.plants import COMMISSIONED, Photovoltaics, sun, weather
from vitrine_simulators.plants import photovoltaics as model

# pvlib still calls what pandas renames
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

YEAR = np.arange(COMMISSIONED, COMMISSIONED + 365 * 86_400.0, 900.0)
HOURS = np.arange(COMMISSIONED, COMMISSIONED + 365 * 86_400.0, 3600.0)


def index(times):
    return pd.to_datetime(times, unit="s", utc=True)


@pytest.fixture(scope="module")
def reference():
    return solarposition.get_solarposition(index(YEAR), model.LATITUDE, model.LONGITUDE, altitude=0)


@pytest.fixture(scope="module")
def stands():
    return sun.position(YEAR, model.LATITUDE, model.LONGITUDE)


@pytest.fixture(scope="module")
def plant():
    return Photovoltaics(1)


@pytest.fixture(scope="module")
def year(plant):
    return plant.values(YEAR)


@pytest.fixture(scope="module")
def balance(plant):
    return plant.balance(YEAR)


# --- against pvlib ---------------------------------------------------------------------------------------------------


def test_the_sun_stands_within_three_hundredths_of_a_degree_of_pvlibs(stands, reference):
    assert np.abs(np.degrees(stands.zenith) - reference["zenith"]).max() < 0.03
    turned = (np.degrees(stands.azimuth) - reference["azimuth"] + 180.0) % 360.0 - 180.0
    assert np.abs(turned[reference["zenith"] < 90]).max() < 0.03
    extra = irradiance.get_extra_radiation(index(YEAR), method="nrel", solar_constant=sun.SOLAR_CONSTANT)
    assert np.allclose(stands.extraterrestrial, extra, rtol=5e-4)


def test_a_clear_sky_is_that_of_haurwitz(stands, reference):
    high = np.asarray(reference["zenith"] < 88)
    expected = np.asarray(clearsky.haurwitz(reference["zenith"])["ghi"])
    assert np.abs(sun.clear_sky(stands) - expected)[high].max() < 0.6


@pytest.mark.parametrize("clearness", [0.15, 0.5, 1.0])
def test_light_on_the_plane_is_that_of_erbs_and_of_hay_and_davies(stands, reference, clearness):
    ground = clearness * sun.clear_sky(stands)
    zenith = np.asarray(reference["zenith"])
    parts = irradiance.erbs(ground, zenith, index(YEAR))
    expected = irradiance.get_total_irradiance(
        model.PLANE.tilt_deg,
        model.PLANE.azimuth_deg,
        zenith,
        np.asarray(reference["azimuth"]),
        parts["dni"],
        ground,
        parts["dhi"],
        dni_extra=irradiance.get_extra_radiation(index(YEAR), method="nrel"),
        albedo=model.PLANE.albedo,
        model="haydavies",
    )["poa_global"]
    found = sun.on_plane(stands, ground, model.PLANE)
    assert np.abs(found - expected)[zenith < 85].max() < 2.0
    assert found.sum() == pytest.approx(np.nansum(expected), rel=1e-3)


def test_module_temperature_is_faimans_where_the_weather_holds():
    for light, wind, air in ((1000.0, 1.0, 20.0), (400.0, 6.0, -15.0)):
        expected = temperature.faiman(light, air, wind, *model.FAIMAN)
        assert air + light / (model.FAIMAN[0] + model.FAIMAN[1] * wind) == pytest.approx(expected)


def test_power_is_that_of_pvwatts():
    light, cell = np.linspace(1.0, 1300.0, 200), np.linspace(-20.0, 70.0, 200)
    direct = model.direct_power(light, cell)
    assert np.allclose(
        direct, pvsystem.pvwatts_dc(light, cell, model.PEAK_W * (1 - model.LOSSES), model.TEMPERATURE_COEFFICIENT)
    )
    expected = inverter.pvwatts(direct, model.INVERTER_W / model.NOMINAL_EFFICIENCY)
    assert np.allclose(model.alternating_power(direct), expected)


def test_snow_covers_and_slides_as_in_the_model_of_nrel():
    noise = Noise(2001)
    times = HOURS[2000:5000] + 1800.0
    fresh, air = weather.snowfall(noise, times), weather.air_temperature(noise, times)
    light = np.maximum(np.sin(np.arange(3000) * 2 * np.pi / 24), 0) * 600
    found = model.covered(fresh >= model.COVERING_SNOW, air > light / model.SLIDES_ABOVE, 0.0)[1:]
    assert 0.05 < (found > 0).mean() < 0.9
    hours = index(times)
    expected = snow.coverage_nrel(
        pd.Series(fresh, hours),
        pd.Series(light, hours),
        pd.Series(air, hours),
        model.PLANE.tilt_deg,
        threshold_snowfall=model.COVERING_SNOW - 1e-9,
    )
    assert np.abs(found[24:] - expected[24:]).max() < 1e-9


# --- conservation ----------------------------------------------------------------------------------------------------


def test_at_the_meter_what_comes_goes(balance):
    comes = balance["array"] + balance["import"] + balance["discharge"]
    goes = balance["house"] + balance["export"] + balance["charge"]
    assert np.abs(comes - goes).max() < 1e-6


def test_what_the_cells_hold_is_what_was_charged_less_what_was_taken_and_lost(balance):
    stored = balance["stored"][-1] - balance["stored"][0]
    charged = balance["charge/energy"][-1] * model.ONE_WAY - balance["discharge/energy"][-1] / model.ONE_WAY
    assert stored == pytest.approx(charged - model.ELECTRONICS_W * (YEAR[-1] - YEAR[0]), rel=1e-9, abs=10.0)
    assert balance["stored"].min() > 0.08 * model.CAPACITY_J
    assert balance["stored"].max() < 0.96 * model.CAPACITY_J


def test_no_battery_gives_back_more_than_it_took(balance):
    back = balance["discharge/energy"][-1] / balance["charge/energy"][-1]
    assert 0.80 < back < model.ONE_WAY**2


@pytest.mark.parametrize("counter", sorted(model.COUNTERS))
def test_each_counter_is_the_integral_of_its_power(plant, counter):
    times = COMMISSIONED + 240 * 86_400.0 + np.arange(0.0, 86_400.0 + 1, 10.0)
    found = plant.balance(times)
    power = found[model.COUNTERS[counter]]
    expected = ((power[1:] + power[:-1]) / 2 * 10.0).sum()
    assert found[counter][-1] - found[counter][0] == pytest.approx(expected, rel=1e-9, abs=1.0)


# --- a year of it ----------------------------------------------------------------------------------------------------


def test_a_year_gives_what_an_array_in_southern_quebec_gives(year):
    falls = year["irradiance/plane-of-array"].mean() * 8760 / 1000
    given = (year["inverter/energy"][-1] - year["inverter/energy"][0]) / (model.PEAK_W / 1000)
    assert 1250 < falls < 1650  # kWh/m²
    assert 950 < given < 1300  # kWh/kWp
    assert 0.75 < given / falls < 0.88


def test_the_edges_of_clouds_shine_brighter_than_a_clear_sky(year, stands):
    clear = sun.on_plane(stands, sun.clear_sky(stands), model.PLANE)
    high = clear > 200
    share = year["irradiance/plane-of-array"][high] / clear[high]
    assert 0.01 < (share > 1.03).mean() < 0.2
    # Scattered light reaches the plane also where the beam falls beside it
    assert share.max() < 1.25


def test_snow_takes_the_winters_yield_and_none_of_the_summers(balance):
    winter, summer = YEAR < COMMISSIONED + 212 * 86_400, YEAR > COMMISSIONED + 270 * 86_400
    assert 0.05 < balance["snow"][winter].mean() < 0.4
    assert balance["snow"][summer].max() == 0
    buried = balance["snow"] > 0.999
    assert balance["array"][buried].max() == 0
    assert balance["plane"][buried].max() > 300


def test_the_battery_makes_most_of_its_cycles_in_summer(balance):
    counted = balance["charge/energy"]
    months = [counted[begin + 30 * 96] - counted[begin] for begin in range(0, 360 * 96, 30 * 96)]
    assert max(months) == max(months[6:])
    assert 100 < counted[-1] / model.CAPACITY_J < 400  # cycles in the year
