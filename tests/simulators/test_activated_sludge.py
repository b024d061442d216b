"""The activated-sludge pilot: the benchmark's steady state, conservation, and the loss of nitrification in the cold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulators.site import indicators
from vitrine_simulators.plants.activated_sludge import (
    AEROBIC_M3,
    ANOXIC_M3,
    ActivatedSludge,
    acidity,
    composition,
    step,
)
from vitrine_simulators.plants.asm1 import (
    DENITRIFYING,
    INFLUENT,
    NITRIFYING,
    PARTICULATE,
    STATE,
    cod,
    kinetics,
    nitrogen,
    react,
    solids,
)
from vitrine_simulators.plants.plant import COMMISSIONED, DAY

#: Alex et al. 2018, “Benchmark Simulation Model No. 1”: reactors 1 and 5 in steady state, open loop.
PUBLISHED = {
    0: [30.0, 2.8082, 1149.1252, 82.1349, 2551.7658, 148.3894, 448.8519, 0.0042984, 5.3699, 7.9179, 1.2166, 5.2849, 4.9277],
    4: [30.0, 0.88949, 1149.1252, 49.3056, 2559.3436, 149.7971, 452.2111, 0.49094, 10.4152, 1.7333, 0.68828, 3.5272, 4.1256],
}  # fmt: skip


def benchmark(days, step_d=0.01):
    """Run BSM1 with an ideal settler that passes the published 12.497 g/m³ of solids."""
    flow, back, liquor, waste = 18_446.0, 18_446.0, 55_338.0, 385.0
    volumes, transfers = (1000.0, 1000.0, 1333.0, 1333.0, 1333.0), (0.0, 0.0, 240.0, 240.0, 84.0)
    tanks = [[30.0, 2.0, 800.0, 60.0, 1500.0, 100.0, 300.0, 1.0, 5.0, 5.0, 0.8, 4.0, 5.0] for _ in volumes]
    rates = kinetics(15.0)
    for _ in range(int(days / step_d)):
        out = tanks[-1]
        share = 12.497 / solids(out)
        mixed = [
            (flow * fed + (liquor + back * (thicker if position in PARTICULATE else 1.0)) * one)
            / (flow + back + liquor)
            for position, (fed, one) in enumerate(zip(INFLUENT, out, strict=True))
            for thicker in [((flow + back) - (flow - waste) * share) / (back + waste)]
        ]
        for number, (volume, transfer) in enumerate(zip(volumes, transfers, strict=True)):
            tanks[number], _ = react(tanks[number], mixed, (flow + back + liquor) / volume, transfer, rates, step_d)
            mixed = tanks[number]
    return tanks


def test_the_steady_state_of_bsm1_is_reproduced():
    tanks = benchmark(100.0)
    for number, published in PUBLISHED.items():
        for name, found, expected in zip(STATE, tanks[number], published, strict=True):
            assert found == pytest.approx(expected, rel=1e-3), (number, name)


@settings(max_examples=25, deadline=None)
@given(
    celsius=st.floats(4.0, 24.0),
    flow=st.floats(25.0, 140.0),
    strength=st.floats(0.2, 2.0),
    ammonium=st.floats(0.2, 2.0),
    transfer=st.floats(5.0, 300.0),
)
def test_cod_and_nitrogen_are_conserved_and_nothing_is_negative(celsius, flow, strength, ammonium, transfer):
    """What comes in leaves, stays, or was oxidised; what is recycled is on its way for one step."""
    days, rates, influent = 1 / 96, kinetics(celsius), composition(strength, ammonium)
    anoxic = aerobic = [30.0, 1.0, 900.0, 60.0, 1900.0, 110.0, 400.0, 1.0, 10.0, 2.0, 0.7, 4.0, 4.2]
    recycled = [240.0 * one for one in aerobic]
    for _ in range(96):
        before = [
            ANOXIC_M3 * count(anoxic) + AEROBIC_M3 * count(aerobic) + days * count(recycled)
            for count in (cod, nitrogen)
        ]
        found = step(anoxic, aerobic, recycled, influent, flow, transfer, rates)
        anoxic, aerobic, recycled = found.anoxic, found.aerobic, found.recycled
        after = [
            ANOXIC_M3 * count(anoxic) + AEROBIC_M3 * count(aerobic) + days * count(recycled)
            for count in (cod, nitrogen)
        ]
        oxidised = denitrified = 0.0
        for volume, turnover in zip((ANOXIC_M3, AEROBIC_M3), found.turnovers, strict=True):
            denitrified += volume * turnover.denitrified
            oxidised += volume * (
                turnover.oxygen - NITRIFYING * turnover.nitrified + DENITRIFYING * turnover.denitrified
            )
        # Dissolved oxygen is no COD: it is left out of both sides
        change = days * (flow * cod(influent) - cod(found.left) - oxidised)
        assert after[0] - before[0] == pytest.approx(change, abs=1e-6 * before[0])
        change = days * (flow * nitrogen(influent) - nitrogen(found.left) - denitrified)
        assert after[1] - before[1] == pytest.approx(change, abs=1e-6 * before[1])
        assert min(*anoxic, *aerobic, *found.left) >= 0.0


@pytest.fixture(scope="module")
def year():
    times = np.arange(COMMISSIONED, COMMISSIONED + 365 * DAY, 900.0)
    return times, ActivatedSludge(1).values(times)


def test_a_year_stays_plausible(year):
    _, values = year
    low_high = {name: (series.min(), series.max()) for name, series in values.items()}
    assert low_high["oxygen/dissolved-oxygen"][0] >= 0.0
    assert low_high["oxygen/dissolved-oxygen"][1] < 4.0
    assert 4.0 < low_high["oxygen/temperature"][0] < 8.0
    assert 17.0 < low_high["oxygen/temperature"][1] < 22.0
    assert 6.5 < low_high["ph/ph"][0] < low_high["ph/ph"][1] < 7.8
    assert 20.0 < low_high["effluent-cod/concentration"][0] < low_high["effluent-cod/concentration"][1] < 80.0
    assert 0.1 < low_high["effluent-ammonium/ammonium"][0] < low_high["effluent-ammonium/ammonium"][1] < 35.0


def test_nitrification_is_lost_in_winter_and_not_in_summer(year):
    times, values = year
    day = (times - COMMISSIONED) / DAY
    winter, summer = (day > 130) & (day < 190), (day > 300) & (day < 350)
    assert values["effluent-ammonium/ammonium"][winter].mean() > 5.0
    assert values["effluent-ammonium/ammonium"][summer].mean() < 2.5


def test_cold_water_is_followed_by_ammonia_within_days(year):
    _, values = year
    celsius = values["oxygen/temperature"].reshape(-1, 96).mean(axis=1)[60:240]
    ammonium = values["effluent-ammonium/ammonium"].reshape(-1, 96).mean(axis=1)[60:240]
    falls = np.flatnonzero(celsius[2:] - celsius[:-2] < -1.5)
    rises = [ammonium[at : at + 6].max() / ammonium[at] for at in falls if at + 6 < len(ammonium)]
    assert len(rises) > 3
    assert np.median(rises) > 1.3


def test_a_clogged_filter_of_the_blower_takes_the_oxygen_away(year):
    _, values = year
    low = values["oxygen/dissolved-oxygen"] < 0.5
    assert 0.001 < low.mean() < 0.05
    assert values["air/flow"][low].mean() < 0.7 * values["air/flow"].mean()


def test_people_rise_and_the_load_with_them(year):
    times, values = year
    hour = ((times - 5 * 3600.0) % DAY // 3600.0).astype(int)
    flow = np.array([values["influent/flow"][hour == one].mean() for one in range(24)])
    air = np.array([values["air/flow"][hour == one].mean() for one in range(24)])
    assert flow[9] > 1.6 * flow[4]
    assert air[11] > 1.2 * air[5]


def test_ph_follows_the_equilibrium():
    """Dissolved CO₂ as much as alkalinity is a pH of pK₁, 6.35 at 25 °C."""
    assert acidity(8.0, 25.0, 8.0 * 32.0 * 0.89 - 34.5 * 0.0004 * 32.0 * 0.89, 0.0) == pytest.approx(6.352, abs=1e-6)
    assert acidity(4.0, 15.0, 6.0, 0.1) > acidity(2.0, 15.0, 6.0, 0.1)


def test_indicators_are_those_of_a_plant_of_this_kind():
    found = indicators("boues-activees", COMMISSIONED + 300 * DAY, 20)
    assert 84.0 < np.nanmedian(found["enlevement-dco"]) < 95.0
    assert 88.0 < np.nanmedian(found["enlevement-ammoniacal"]) < 99.0
    assert 0.15 < np.nanmedian(found["energie-specifique"]) < 0.6
    assert 0.5 < np.nanmedian(found["energie-charge"]) < 2.0
    assert found["ammoniac-non-ionise"].max() < 0.1
    assert 6.0 < found["temps-sejour"].min() < found["temps-sejour"].max() < 16.0
