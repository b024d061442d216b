"""The models: deterministic, continuous, and true to the physics that they state."""

import numpy as np
import pytest

from tests.simulators.site import EXAMPLES
from vitrine.errors import ConfigurationError
from vitrine_simulators.noise import Noise
from vitrine_simulators.plants import COMMISSIONED, PLANTS, Live
from vitrine_simulators.plants.activated_sludge import ActivatedSludge
from vitrine_simulators.plants.building import Building
from vitrine_simulators.plants.composting import Composting
from vitrine_simulators.plants.digester import Digester
from vitrine_simulators.plants.ultrafiltration import BLEED, CYCLE_S, FILTRATION_S, Ultrafiltration
from vitrine_simulators.plants.ultraviolet import Ultraviolet
from vitrine_simulators.run import Wishes, run

BEGIN = COMMISSIONED + 60 * 86_400.0
MONTH = np.arange(BEGIN, BEGIN + 30 * 86_400.0, 60.0) + 30.0


@pytest.fixture(scope="module", params=sorted(PLANTS))
def plant(request):
    return PLANTS[request.param](1)


def test_the_same_seed_gives_the_same_values(plant):
    again = type(plant)(1).values(MONTH)
    assert all(np.array_equal(values, again[path]) for path, values in plant.values(MONTH).items())


def test_another_seed_gives_other_values(plant):
    other = type(plant)(2).values(MONTH)
    assert all(not np.array_equal(values, other[path]) for path, values in plant.values(MONTH).items())


def test_history_and_live_signal_are_one_function(plant):
    history = plant.values(MONTH)
    fresh = Live(type(plant)(1))  # has never seen any other time
    for position in (0, 17, len(MONTH) - 1):
        for path in plant.signals:
            assert fresh.read(path, float(MONTH[position])) == history[path][position]


def test_counters_only_grow_and_never_jump(plant):
    for path in (path for path in plant.signals if "energy" in path):
        step = np.diff(plant.values(MONTH)[path])
        assert step.min() >= 0
        assert step.max() < 0.4  # kWh in a minute: 24 kW


def test_a_run_cannot_begin_before_the_plants_were_commissioned():
    with pytest.raises(ConfigurationError, match="commissioned on 1 September 2025"):
        run([EXAMPLES / "batiment-vitrine.toml"], Wishes(begin=COMMISSIONED - 1.0))


def test_every_signal_is_given_and_is_a_number(plant):
    values = plant.values(MONTH)
    assert values.keys() == plant.signals.keys()
    assert all(np.isfinite(value).all() for value in values.values())


def test_times_before_commissioning_are_refused(plant):
    with pytest.raises(ValueError, match="commissioned"):
        plant.values(np.array([COMMISSIONED - 1.0]))


@pytest.mark.parametrize(
    ("power", "energy", "plant_class"),
    [
        ("pump/power", "pump/energy-import", Ultrafiltration),
        ("main-meter/power", "main-meter/energy-import", Building),
        ("heat-pump-meter/power", "heat-pump-meter/energy-import", Building),
        ("meter/power", "meter/energy-import", Ultraviolet),
        ("aeration/power", "aeration/energy-import", ActivatedSludge),
        ("fan/power", "fan/energy-import", Composting),
        ("meter/power", "meter/energy-import", Digester),
    ],
)
def test_the_counter_is_the_integral_of_the_power(power, energy, plant_class):
    times = np.arange(BEGIN, BEGIN + 2 * 86_400.0, 5.0)
    values = plant_class(1).values(times)
    counted = values[energy][-1] - values[energy][0]
    watts = values[power]
    integral = ((watts[1:] + watts[:-1]) / 2 * 5.0).sum() / 3.6e6
    assert counted == pytest.approx(integral, rel=2e-3)


def test_water_is_conserved_over_a_day():
    times = np.arange(BEGIN, BEGIN + 86_400.0, 1.0)
    values = Ultrafiltration(1).values(times)
    assert values["permeate-flow/flow"].sum() == pytest.approx((1 - BLEED) * values["feed-flow/flow"].sum(), rel=1e-3)


def test_fouling_raises_the_pressure_and_a_backwash_lowers_it():
    plant = Ultrafiltration(1)
    cycle = BEGIN + np.arange(0.0, 8.0 * CYCLE_S, CYCLE_S)
    begin = plant.values(cycle + 60.0)["membrane/pressure"]
    end = plant.values(cycle + FILTRATION_S - 5.0)["membrane/pressure"]
    washing = plant.values(cycle + FILTRATION_S + 10.0)
    assert (end > begin + 1.0).all()
    assert (begin[1:] < end[:-1]).all()
    assert (washing["membrane/pressure"] < 0).all()
    assert (washing["permeate-flow/flow"] == 0).all()


def test_a_weekly_cleaning_takes_the_irreversible_fouling_away():
    monday = BEGIN + (7 * 86_400.0 - (BEGIN - COMMISSIONED) % (7 * 86_400.0)) + 10 * 3600.0
    plant = Ultrafiltration(1)
    before, during, after = plant.values(np.array([monday - 1700.0, monday + 600.0, monday + 3700.0]))[
        "membrane/pressure"
    ]
    assert during == pytest.approx(0, abs=0.5)
    assert 0 < after < before - 3.0


def test_a_broken_fibre_lets_turbidity_through_for_some_hours():
    values = Ultrafiltration(1).values(np.arange(BEGIN, BEGIN + 90 * 86_400.0, 600.0))
    passing = values["permeate-turbidity/turbidity"] / values["feed-turbidity/turbidity"]
    broken = passing > 0.02
    assert 0.002 < broken.mean() < 0.15
    assert np.median(passing) < 0.01


def test_the_building_stays_warm_in_winter_and_uses_more_power_in_the_cold():
    january = COMMISSIONED + 122 * 86_400.0 + np.arange(0.0, 30 * 86_400.0, 900.0)
    winter = Building(1).values(january)
    assert winter["indoor/temperature"].min() > 15.0
    cold = winter["outdoor/temperature"] < np.quantile(winter["outdoor/temperature"], 0.2)
    assert winter["heat-pump-meter/power"][cold].mean() > 1.3 * winter["heat-pump-meter/power"][~cold].mean()


def test_the_submeter_is_part_of_the_main_meter():
    values = Building(1).values(MONTH)
    assert (values["main-meter/power"] > values["heat-pump-meter/power"]).all()


def test_noise_does_not_depend_on_what_else_is_asked():
    noise, index = Noise(3), np.arange(1000.0)
    alone = np.array([noise.normal("a", np.array([position]))[0] for position in index[::97]])
    assert np.array_equal(noise.normal("a", index)[::97], alone)
    assert abs(noise.normal("a", index).mean()) < 0.1
    assert noise.normal("a", index).std() == pytest.approx(1.0, abs=0.06)
    assert abs(np.corrcoef(noise.uniform("a", index), noise.uniform("b", index))[0, 1]) < 0.1
