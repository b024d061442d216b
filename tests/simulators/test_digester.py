"""The digester: COD, carbon, nitrogen and heat are conserved; gas is that of Buswell; acids stop and start it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulators.site import indicators
from vitrine_simulators.plants.digester import (
    _START,
    DENSITY,
    DRY_BAR,
    FEED,
    FEED_KG_D,
    HEAT_J_K,
    HEATER_EFFICIENCY,
    LOSS_W_K,
    STEP_S,
    VOLUME_M3,
    Digester,
    composition,
    heater,
    warmed,
)
from vitrine_simulators.plants.digestion import (
    CARBON_FEED,
    COD_METHANE,
    DECAY,
    HALF_ACIDS,
    UPTAKE_ACIDS,
    YIELD_ACIDS,
    carbon,
    cod,
    inhibition,
    nitrogen,
    react,
)
from vitrine_simulators.plants.plant import COMMISSIONED, DAY

RATE = FEED_KG_D / DENSITY / VOLUME_M3


@settings(max_examples=20, deadline=None)
@given(
    dilution=st.floats(0.0, 0.4), thickness=st.floats(0.5, 1.6), sweet=st.floats(0.0, 1.5), days=st.floats(0.002, 0.05)
)
def test_cod_carbon_and_nitrogen_are_conserved_and_nothing_is_negative(dilution, thickness, sweet, days):
    tank, feed = _START, composition(thickness, sweet)
    for _ in range(50):
        after, gas = react(tank, feed, dilution, DRY_BAR, days)
        for count, left in (
            (cod, COD_METHANE * gas.methane),
            (nitrogen, 0.0),
            (carbon, gas.methane + gas.carbon_dioxide),
        ):
            change = days * (dilution * (count(feed) - count(after)) - left)
            assert count(after) - count(tank) == pytest.approx(change, abs=1e-9 * count(tank))
        tank = after
        assert min(*tank, *gas) >= 0.0


@pytest.fixture(scope="module")
def steady():
    tank, gas = _START, None
    for _ in range(400 * 24):
        tank, gas = react(tank, FEED, RATE, DRY_BAR, 1 / 24)
    return tank, gas


def test_acids_in_steady_state_are_those_of_monods_chemostat(steady):
    tank, _ = steady
    growth = RATE + DECAY
    expected = HALF_ACIDS * growth / (YIELD_ACIDS * UPTAKE_ACIDS * inhibition(tank) - growth)
    assert tank.acids == pytest.approx(expected, rel=1e-3)


def test_methane_is_a_third_of_a_cubic_metre_for_each_kilogram_of_cod_removed(steady):
    tank, gas = steady
    removed = RATE * (cod(FEED) - cod(tank))
    assert gas.methane * 22.414 / removed == pytest.approx(0.350, rel=1e-3)


def test_methane_and_carbon_dioxide_share_the_carbon_as_buswell_says(steady):
    """COD of 64 for each CH₄ and the carbon of the feed leave no freedom but the cells, 4 % of it."""
    tank, gas = steady
    as_dioxide = gas.carbon_dioxide + RATE * (tank.carbon - FEED.carbon)
    assert gas.methane / (gas.methane + as_dioxide) == pytest.approx(1.0 / (COD_METHANE * CARBON_FEED), rel=0.02)


def test_heat_is_conserved():
    after = warmed(37.9, 330.0, 12.0, -10.0)
    gained = HEAT_J_K * (after - 37.9)
    spent = HEATER_EFFICIENCY * heater(37.9) - LOSS_W_K * 47.9 - 330.0 / 3600.0 * 4000.0 * 25.9
    assert gained == pytest.approx(spent * STEP_S, rel=1e-9)


@pytest.fixture(scope="module", params=[1, 7])
def year(request):
    times = np.arange(COMMISSIONED, COMMISSIONED + 365 * DAY, 900.0)
    return Digester(request.param).values(times)


def test_a_year_stays_plausible_and_the_digester_alive(year):
    assert 6.9 < year["tank/ph"].min() < year["tank/ph"].max() < 7.9
    assert 45.0 < year["gas-quality/methane"].min() < year["gas-quality/methane"].max() < 80.0
    assert 37.0 < year["tank/temperature"].min() < year["tank/temperature"].max() < 38.6
    assert 1.0 < year["gas/flow"].min() < year["gas/flow"].max() < 25.0
    total = year["gas-quality/methane"] + year["gas-quality/carbon-dioxide"] + year["gas-quality/water"]
    assert np.abs(total - 100.0).max() < 2.0
    assert year["digestate-solids/suspended-solids"].min() > 40.0
    assert year["meter/power"].max() < 17_000.0


def test_too_much_fruit_acidifies_and_the_pause_heals(year):
    solids = year["feed-solids/suspended-solids"].reshape(-1, 96).mean(axis=1)
    ph = year["tank/ph"].reshape(-1, 96).mean(axis=1)
    methane = year["gas-quality/methane"].reshape(-1, 96).mean(axis=1)
    begins = np.flatnonzero((solids[1:] > 150.0) & (solids[:-1] < 150.0))
    assert len(begins) > 8
    for day in begins[begins < 355]:
        assert ph[day : day + 4].min() < ph[day - 1] - 0.15
        assert methane[day : day + 4].min() < methane[day - 1] - 3.0
        assert ph[day + 9] == pytest.approx(ph[day - 1], abs=0.1)


def test_feeding_is_a_quarter_of_an_hour_in_each_hour():
    times = np.arange(COMMISSIONED, COMMISSIONED + 2 * DAY, 60.0)
    feed = Digester(1).values(times)["feed/mass-flow"]
    assert np.mean(feed > 0) == pytest.approx(0.25, abs=0.01)
    assert feed.sum() / 60.0 == pytest.approx(2 * FEED_KG_D, rel=0.1)


def test_indicators_are_those_of_a_digester_of_this_kind():
    found = indicators("methanisation", COMMISSIONED + 200 * DAY, 42)
    assert 270.0 < np.nanmedian(found["rendement-methane"]) < 330.0
    assert 0.9 < np.nanmedian(found["productivite-methane"]) < 1.3
    assert 3.0 < np.nanmedian(found["charge-organique"]) < 4.2
    assert 50.0 < np.nanmedian(found["destruction-solides-volatils"]) < 70.0
    assert 10.0 < np.nanmedian(found["energie-propre"]) < 40.0
    balance = found["productivite-methane"] * VOLUME_M3 / (found["biogaz-normalise"])
    assert 0.55 < np.nanmedian(balance) < 0.65


def test_the_normalised_methane_is_that_of_the_model():
    begin = COMMISSIONED + 200 * DAY
    times = np.arange(begin, begin + 20 * DAY, 900.0)
    plant = Digester(1)
    plant.values(times)
    rows = plant._rows.reach(0)
    first = round((begin - COMMISSIONED) / STEP_S)
    produced = rows["methane"][first : first + 20 * 96].mean() * 22.414 / VOLUME_M3
    found = indicators("methanisation", begin, 20)["productivite-methane"]
    assert np.nanmean(found) == pytest.approx(produced, rel=0.003)
