"""The ultraviolet reactor: radiation is conserved, and the indicators find the dose that the model gives."""

import numpy as np
import pytest

from tests.simulators.site import indicators
from vitrine_simulators.plants.plant import COMMISSIONED, DAY
from vitrine_simulators.plants.ultraviolet import (
    LENGTH_M,
    SLEEVE_M,
    TARGET_J_M2,
    WALL_M,
    WASHED_EVERY_S,
    Ultraviolet,
    absorption_of,
    dose,
    irradiance,
)

OUTPUT_W = 70.0
YEAR = np.arange(COMMISSIONED, COMMISSIONED + 365 * DAY, 1200.0)


@pytest.fixture(scope="module")
def year():
    return Ultraviolet(1).values(YEAR)


def shells(count=4000):
    """Return the middle radius and the volume of thin cylinders that fill a chamber."""
    edges = np.linspace(SLEEVE_M, WALL_M, count + 1)
    return (edges[1:] + edges[:-1]) / 2, np.pi * np.diff(edges**2) * LENGTH_M


@pytest.mark.parametrize("carbon", [0.5, 2.5, 8.0])
def test_what_the_lamp_gives_is_absorbed_by_the_water_or_reaches_the_wall(carbon):
    absorption = absorption_of(np.array([carbon]))
    radius, volume = shells()
    absorbed = (absorption * irradiance(OUTPUT_W, absorption, radius) * volume).sum()
    at_wall = irradiance(OUTPUT_W, absorption, WALL_M)[0] * 2 * np.pi * WALL_M * LENGTH_M
    assert absorbed + at_wall == pytest.approx(OUTPUT_W, rel=1e-6)


@pytest.mark.parametrize("carbon", [0.5, 2.5, 8.0])
def test_the_dose_is_the_mean_irradiance_times_the_time_in_the_chamber(carbon):
    absorption = absorption_of(np.array([carbon]))
    radius, volume = shells()
    mean = (irradiance(OUTPUT_W, absorption, radius) * volume).sum() / volume.sum()
    assert dose(OUTPUT_W, absorption, 0.005)[0] == pytest.approx(mean * volume.sum() / 0.005, rel=1e-6)


def test_in_clear_water_only_geometry_is_left():
    clear = np.array([1e-9])
    expected = OUTPUT_W * (WALL_M - SLEEVE_M) / 0.005
    assert dose(OUTPUT_W, clear, 0.005)[0] == pytest.approx(expected, rel=1e-6)


def test_the_indicator_finds_the_dose_that_the_controller_wants():
    found = indicators("desinfection-uv", COMMISSIONED + 100 * DAY, 30 * 24, "hour")
    dose_mj_cm2 = found["dose-uv"]
    held = np.abs(dose_mj_cm2 / (TARGET_J_M2 / 10.0) - 1.0) < 0.02
    assert held.mean() > 0.3  # the rest is more, at the least power, or less, at full power
    assert 15.0 < dose_mj_cm2.min() < 38.0
    assert np.isfinite(dose_mj_cm2).all()


def test_forty_millijoules_inactivate_two_log_of_ms2():
    """0.055 cm²/mJ (Hijnen et al. 2006) gives 2.2 log in plug flow; mixing loses a tenth or so of it."""
    found = indicators("desinfection-uv", COMMISSIONED + 100 * DAY, 30 * 24, "hour")
    at_target = np.abs(found["dose-uv"] - 40.0) < 0.5
    assert found["reduction-ms2"][at_target] == pytest.approx(20 * np.log10(1 + 40 / (20 * 7.8963)), rel=0.02)
    assert (found["reduction-ms2"] < 0.055 * found["dose-uv"]).all()


def test_ageing_and_deposits_are_what_the_state_indicator_shows():
    monday = COMMISSIONED + 5 * WASHED_EVERY_S
    state = indicators("desinfection-uv", monday - 3 * DAY, 8)["etat-lampes-gaines"]
    assert state[4] > state[2] + 15.0
    assert 0.8 * 100 < state[4] < 96.0
    assert (np.diff(state[4:]) < 0).all()


def test_a_lamp_that_fails_costs_a_quarter_of_the_power_for_some_hours(year):
    failed = year["reactor/lamps"] < 4
    assert 0.005 < failed.mean() < 0.1
    assert set(year["reactor/lamps"]) == {3.0, 4.0}
    assert year["meter/power"][failed].mean() < year["meter/power"][~failed].mean()


def test_a_year_stays_plausible(year):
    transmittance = np.exp(-absorption_of(year["organic-carbon/concentration"]) * 0.01)
    assert 0.70 < transmittance.min() < transmittance.max() < 0.95
    assert (year["reactor/level"].min(), year["reactor/level"].max()) == (50.0, 100.0)
    assert 30 < year["flow/flow"].min() < year["flow/flow"].max() < 130
    assert year["turbidity/turbidity"].max() < 1.0
    assert year["reactor/intensity"].min() > 10.0


def test_people_draw_most_water_in_the_morning_and_the_evening(year):
    hour = ((YEAR - 5 * 3600.0) % DAY // 3600.0).astype(int)
    mean = np.array([year["flow/flow"][hour == one].mean() for one in range(24)])
    assert mean[7] > 1.6 * mean[2]
    assert mean[18] > 1.5 * mean[2]
