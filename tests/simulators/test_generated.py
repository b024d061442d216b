"""Generated values: for every quantity, the same each time, within what a site expects, and counters that count."""

from pathlib import Path

import numpy as np
import pytest

from vitrine.installation import Channel as SiteChannel
from vitrine.installation import QualityRules, Text
from vitrine.units import UNITS
from vitrine_gateway.profiles import Channel, load, names
from vitrine_simulators.generated import course_of, generated
from vitrine_simulators.plants import COMMISSIONED
from vitrine_simulators.registers import largest

DAY = COMMISSIONED + np.arange(0.0, 86_400.0, 97.0)


def channel(unit="Cel", quantity="anything", **more):
    return Channel(key="c", name=Text("c", "c"), unit=unit, quantity=quantity, decimals=1, **more)


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_has_values_that_move(unit):
    course = course_of("d/c", channel(unit), None, 1)
    values = [course.at(now) for now in DAY]
    assert np.isfinite(values).all()
    assert len(set(values)) > 100


def test_every_profile_fits_into_its_registers():
    for name in names():
        profile = load(name, Path())
        if profile.protocol != "modbus":
            continue
        plant = generated(((f"d/{one.key}", profile, one, None) for one in profile.channels), 1)
        for one in profile.channels:
            assert max(plant.read(f"d/{one.key}", now) for now in DAY[::50]) <= largest(one), (name, one.key)


def test_the_seed_decides_and_nothing_else():
    first, again, other = (course_of("d/c", channel(), None, seed).at(COMMISSIONED + 5.0) for seed in (1, 1, 2))
    assert first == again != other
    assert course_of("d/other", channel(), None, 1).at(COMMISSIONED + 5.0) != first


def test_values_stay_within_what_the_site_expects_in_its_own_unit():
    rules = QualityRules(gross_range_fail=(0.0, 200.0), gross_range_suspect=(100.0, 140.0))
    site = SiteChannel(key="c", unit="[degF]", rules=rules)
    course = course_of("d/c", channel(), site, 1)
    fahrenheit = [course.at(now) * 9 / 5 + 32 for now in DAY]
    assert min(fahrenheit) >= 100.0
    assert max(fahrenheit) <= 140.0


def test_a_counter_counts_what_its_rate_says_and_begins_anew_where_its_register_ends():
    course = course_of("d/c", channel("W.h", type="uint32"), None, 1)
    values = [course.at(now) for now in DAY]
    assert (np.diff(values) > 0).all()
    assert values[-1] - values[0] == pytest.approx(1500.0 * (DAY[-1] - DAY[0]) / 3600.0, rel=0.7)
    small = channel("W.h", type="uint16")
    narrow = course_of("d/c", small, None, 1, largest(small))
    shown = [narrow.at(now) for now in COMMISSIONED + np.arange(0.0, 10 * 86_400.0, 600.0)]
    assert max(shown) <= 65_535
    assert (np.diff(shown) < 0).any()


def test_a_status_is_one_of_its_codes():
    status = channel("1", "status", labels={3: Text("marche", "on"), 7: Text("arrêt", "off")})
    assert {course_of("d/c", status, None, 1).at(now) for now in DAY} == {3.0}
