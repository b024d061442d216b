"""The composting box: matter, water, oxygen and heat are conserved; the phases come as they do in a box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulators.site import indicators
from vitrine_simulators.plants.composting import (
    BATCH_S,
    LOADED_S,
    PORES_KG,
    Composting,
    loaded,
    turned,
)
from vitrine_simulators.plants.pile import (
    DIOXIDE_KG,
    FRESH,
    HEAT_J_KG,
    OXYGEN_KG,
    OXYGEN_SHARE,
    WATER_KG,
    Air,
    celsius,
    enthalpy_of_air,
    heated,
    hindrance,
    moisture,
    step,
    vapour,
    warmth,
)
from vitrine_simulators.plants.plant import COMMISSIONED, DAY


def test_matter_and_oxygen_become_dioxide_water_and_ammonia():
    ammonia = 17.0 / 361.0
    assert pytest.approx(DIOXIDE_KG + WATER_KG + ammonia, rel=1e-9) == 1.0 + OXYGEN_KG


@settings(max_examples=40, deadline=None)
@given(
    temperature=st.floats(5.0, 75.0),
    flow=st.floats(0.0005, 0.5),
    water=st.floats(0.35, 0.68),
    inlet=st.floats(-10.0, 30.0),
    seconds=st.floats(60.0, 900.0),
)
def test_water_heat_and_oxygen_are_conserved_and_nothing_is_negative(temperature, flow, water, inlet, seconds):
    pile = heated(loaded(water, 0.55, 15.0), temperature)
    air = Air(flow, inlet, 0.7 * vapour(inlet))
    for _ in range(40):
        warm = celsius(pile)
        after, loss = step(pile, air, 12.0, 25.0, PORES_KG, seconds)
        matter = (pile.quick + pile.slow - after.quick - after.slow) / seconds
        assert matter == pytest.approx(loss.matter, abs=1e-12)
        dried = flow * (vapour(warm) - air.water)
        assert after.water - pile.water == pytest.approx(seconds * (WATER_KG * matter - dried), abs=1e-6)
        out, walls = enthalpy_of_air(warm, vapour(warm)), 25.0 * (warm - 12.0)
        gain = HEAT_J_KG * OXYGEN_KG * matter + flow * (enthalpy_of_air(inlet, air.water) - out) - walls
        assert after.enthalpy - pile.enthalpy == pytest.approx(seconds * gain, rel=1e-9, abs=1.0)
        pores = OXYGEN_SHARE * PORES_KG / FRESH
        supplied = flow * OXYGEN_SHARE * (FRESH - after.oxygen) / FRESH - OXYGEN_KG * matter
        assert pores * (after.oxygen - pile.oxygen) == pytest.approx(seconds * supplied, abs=1e-9)
        pile = after
        assert min(pile._replace(enthalpy=0.0)) >= 0.0


def test_turning_costs_heat_and_water_which_are_both_booked():
    pile = heated(loaded(0.62, 0.55, 15.0), 58.0)._replace(free=0.2, oxygen=10.0)
    after = turned(pile, 12.0)
    assert celsius(after) == pytest.approx(58.0 - 0.35 * 46.0, abs=2.0)
    assert moisture(after) < moisture(pile)
    dry = heated(loaded(0.40, 0.55, 15.0), 58.0)
    assert moisture(turned(dry, 12.0)) == pytest.approx(0.58)
    assert (after.free, after.oxygen) == (0.36, FRESH)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(20.0, 1.0 - 1.21**-40), (40.0, 1.066**20 - 1.21**-20), (60.0, 1.066**40 - 1.0), (90.0, 0.0)],
)
def test_the_rate_depends_on_temperature_as_haug_gives_it(temperature, expected):
    assert warmth(temperature) == pytest.approx(expected, abs=1e-3)


def test_composting_is_fastest_near_seventy_degrees_and_slow_when_dry_or_settled():
    rates = [warmth(temperature) for temperature in range(20, 85)]
    assert 69 <= 20 + int(np.argmax(rates)) <= 73
    fresh = loaded(0.62, 0.55, 15.0)
    assert hindrance(loaded(0.40, 0.55, 15.0)) < 0.6 * hindrance(fresh)
    assert hindrance(fresh._replace(free=0.16)) < 0.7 * hindrance(fresh)
    assert hindrance(fresh._replace(oxygen=2.0)) == pytest.approx(
        hindrance(fresh) * 0.5 / (FRESH / (FRESH + 2.0)), rel=1e-9
    )


@pytest.fixture(scope="module")
def year():
    times = np.arange(COMMISSIONED, COMMISSIONED + 365 * DAY, 600.0)
    return times, Composting(1).values(times)


def batches(times, series):
    """Return the series of each whole batch, one row a batch."""
    first = int(np.argmax(times >= COMMISSIONED + LOADED_S))
    length = round(BATCH_S / 600.0)
    count = (len(times) - first) // length
    return series[first : first + count * length].reshape(count, length)


def test_a_year_stays_plausible(year):
    _, values = year
    assert 8.0 < values["core/temperature"].min() < values["core/temperature"].max() < 74.0
    assert (values["core/oxygen"] >= 0.0).all()
    assert values["core/oxygen"].max() <= FRESH
    assert values["exhaust/carbon-dioxide"].max() < 20.0
    assert (values["edge/oxygen"] - values["core/oxygen"]).mean() > 0.2
    assert values["fan/power"].max() < 2700.0


def test_each_batch_heats_within_two_days_and_is_sanitised(year):
    times, values = year
    core = batches(times, values["core/temperature"])
    assert len(core) >= 12
    assert (core[:, 12:288].max(axis=1) > 55.0).all()
    hot = [max(map(len, "".join("x" if one >= 55.0 else " " for one in row).split())) for row in core]
    assert np.mean(np.array(hot) >= 3 * 144) > 0.8  # three days in a row, in nearly every batch
    dioxide, air = (batches(times, values[path]) for path in ("exhaust/carbon-dioxide", "air/flow"))
    breath = (dioxide * air).reshape(len(core), 4, -1).mean(axis=2)
    assert (breath[:, 3] < 0.3 * breath[:, 0]).all()  # what is quickly degraded is gone


def test_turning_cools_the_pile_and_starts_it_anew(year):
    times, values = year
    core = batches(times, values["core/temperature"])
    turn = 7 * 144
    assert (core[:, turn + 2] < core[:, turn - 2] - 8.0).all()
    assert (core[:, turn + 4 * 144] > core[:, turn + 2] + 10.0).all()


def test_oxygen_is_gone_within_hours_when_the_fan_trips(year):
    _, values = year
    tripped = values["air/flow"] < 5.0
    assert 0.003 < tripped.mean() < 0.03
    starts = np.flatnonzero(tripped[1:] & ~tripped[:-1])
    assert all(values["core/oxygen"][start : start + 24].min() < 3.0 for start in starts)


def test_the_oxygen_indicator_finds_what_the_model_took_up():
    begin = COMMISSIONED + LOADED_S + 5 * BATCH_S - 13 * 3600.0
    plant = Composting(1)
    plant.values(np.array([begin + BATCH_S]))
    left = plant._rows.reach(0)["matter"]
    first = round((begin + 13 * 3600.0 - COMMISSIONED) / 600.0) + 1
    taken = OXYGEN_KG * (left[first] - left[first + 27 * 144])
    found = indicators("compostage", begin + 13 * 3600.0, 27 * 24, "hour")["consommation-oxygene"]
    assert np.nansum(found) * 3648 / 1000.0 == pytest.approx(taken, rel=0.03)


def test_indicators_are_those_of_a_box_of_this_kind():
    found = indicators("compostage", COMMISSIONED + 200 * DAY, 56)
    assert 3.0 < np.nanmax(found["consommation-oxygene"]) < 14.0
    assert 2.0 < np.nanmedian(found["energie-par-tonne"]) < 8.0
    assert np.nanmin(found["oxygene-le-plus-bas"]) < 5.0
    assert 10.0 < np.nanmedian(found["carbone-mineralise"]) < 200.0
