"""The building: its heat recovery conserves heat, its filter clogs, and the file's baseline is that of its past."""

import numpy as np
import pytest

from vitrine.installation_file import load
from vitrine_demo.installations import examples
from vitrine_simulators.noise import Noise
from vitrine_simulators.plants import COMMISSIONED, Building, weather
from vitrine_simulators.plants import building as model

DAY = 86_400.0
YEAR = COMMISSIONED + np.arange(0.0, 365 * DAY, model.STEP_S)
BEFORE = YEAR - 365 * DAY
FILE = next(path for path in examples() if path.stem == "batiment-vitrine")


@pytest.fixture(scope="module")
def year():
    return Building(1).values(YEAR)


def outdoor_of(times):
    return weather.air_temperature(Noise(1001), times)


def test_what_one_stream_gains_the_other_loses():
    outdoor, indoor = np.linspace(-25.0, 14.0, 500), np.full(500, 21.0)
    streams = model.exchange(COMMISSIONED + np.linspace(0.0, 84 * DAY, 500), outdoor, indoor)
    assert np.allclose(streams.supply - outdoor, streams.share * (indoor - streams.exhaust), rtol=1e-12)
    assert (streams.exhaust > outdoor - 1e-9).all()  # no heat from colder to warmer
    assert (streams.supply < indoor).all()


def test_effectiveness_is_that_of_a_counterflow_exchanger():
    new = np.array([COMMISSIONED + 14 * 3600.0])
    units = model.EXCHANGER_W_K / model.SUPPLY_W_K
    assert model.effectiveness(new, np.zeros(1)) == pytest.approx(units / (1 + units), rel=1e-6)
    summer = model.effectiveness(new, np.array([model.BYPASS_FROM + model.BYPASS_OVER]))
    assert summer == pytest.approx(0.0)


def test_a_clogged_filter_costs_heat_and_a_new_one_brings_it_back():
    change = COMMISSIONED + (model.FILTER_DAYS * 3) * DAY + model.FILTER_HOUR * 3600.0
    before, after = model.effectiveness(np.array([change - 60.0, change + 60.0]), np.zeros(2))
    assert before == pytest.approx(0.57, abs=0.01)
    assert after == pytest.approx(0.75, abs=0.005)


def test_the_air_keeps_its_heat(year):
    """The heat of the sun, of people, of light and of the heat pump leaves through envelope and ventilation."""
    building = Building(1)
    outdoor, setpoint, _, gain, sun = building._conditions(YEAR)
    conductance = model.ENVELOPE_W_K + model.SUPPLY_W_K * (1 - model.effectiveness(YEAR, outdoor))
    air, heat = model._balance(outdoor, gain, sun, setpoint, conductance, (model.MAX_HEAT_W, model.MAX_HEAT_W))
    comes = (heat + gain + sun).sum()
    goes = (conductance * (air - outdoor)).sum()
    held = 5.0 * (model.AIR_J_K + model.MASS_J_K) / model.STEP_S  # five kelvins more or less at the end
    assert abs(comes - goes) < held
    assert year["indoor/temperature"].mean() == pytest.approx(air.mean(), abs=0.05)


def test_the_baseline_of_the_file_is_the_regression_of_the_year_before():
    power, outdoor = Building(1).baseline(BEFORE), outdoor_of(BEFORE)
    parameters = next(one for one in load(FILE).indicators if one.key == "energie-evitee").parameters
    standing, slope, balance = (parameters[name][0] for name in ("standing", "slope", "balance"))
    hourly = outdoor.reshape(-1, 4).mean(axis=1)
    degrees = np.maximum(balance - hourly, 0.0).reshape(365, 24).mean(axis=1)
    days = power.reshape(365, 96).mean(axis=1)
    fitted = np.linalg.lstsq(np.column_stack([np.ones(365), degrees]), days, rcond=None)[0]
    assert fitted == pytest.approx([standing, slope], rel=2e-3)
    left = days - (standing + slope * degrees)
    assert np.sqrt((left**2).sum() / (365 - 3)) / days.mean() < 0.25  # ASHRAE Guideline 14, CV(RMSE)
    assert abs(left.sum() / (365 - 3) / days.mean()) < 0.005  # NMBE


def test_the_works_save_half_of_the_energy_under_the_same_weather(year):
    saved = 1.0 - year["main-meter/power"].mean() / Building(1).baseline(YEAR).mean()
    assert 0.4 < saved < 0.65
    assert 40 < year["main-meter/power"].mean() * 8.76 / 600 < 90  # kWh/m² in the year
