"""Faults: their file, when they happen, what they do to values, and the log that tells the truth."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.errors import ConfigurationError, InstallationError
from vitrine.installation_file import load
from vitrine_gateway.profiles import load as load_profile
from vitrine_simulators.binding import bind
from vitrine_simulators.faults import KINDS, Fault, Occurrence, Schedule, TruthLog, expand, load_faults, read_truth
from vitrine_simulators.faults.instrument import EFFECTS, shown
from vitrine_simulators.faulty_source import FaultySource
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.plants import PLANTS, Live

ROOT = Path(__file__).parents[2]
PILOT = ROOT / "examples" / "ultrafiltration.toml"
BEGIN = 1_790_000_000.0
DAY = 86_400.0


def read(tmp_path, text, example=PILOT):
    path = tmp_path / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return load_faults(path, load(example))


HEAD = '[[fault]]\ndevice = "feed-flow"\nchannel = "flow"\n'

MISTAKES = [
    ('kind = "stuk"\nat = "2 h"\nfor = "1 h"', "not-allowed", "fault[1].kind"),
    ('kind = "stuck"\nfor = "1 h"', "no-schedule", "fault[1].kind"),
    ('kind = "stuck"\nat = "2 h"\nper_day = 1\nlasting = "1 h"', "no-schedule", "fault[1].at"),
    ('kind = "stuck"\nat = "2 h"', "missing-key", "fault[1].for"),
    ('kind = "stuck"\nat = 2026-11-02T10:00:00\nfor = "1 h"', "not-an-instant", "fault[1].at"),
    ('kind = "stuck"\nat = "soon"\nfor = "1 h"', "not-an-instant", "fault[1].at"),
    ('kind = "stuck"\nper_day = 2', "missing-key", "fault[1].lasting"),
    ('kind = "stuck"\nper_day = 2\nlasting = ["2 h", "1 h"]', "not-a-duration", "fault[1].lasting"),
    ('kind = "stuck"\nper_day = 2\nlasting = [1, 2, 3]', "not-a-duration", "fault[1].lasting"),
    ('kind = "drift"\nat = "2 h"\nfor = "1 h"', "missing-key", "fault[1].per_hour"),
    ('kind = "noise"\nat = "2 h"\nfor = "1 h"\ndeviation = -1', "out-of-range", "fault[1].deviation"),
    ('kind = "swapped"\nat = "2 h"\nfor = "1 h"\nother = "pump/power"', "wrong-unit", "fault[1].other"),
    ('kind = "swapped"\nat = "2 h"\nfor = "1 h"\nother = "nowhere/flow"', "not-allowed", "fault[1].other"),
    ('kind = "clipped-range"\nat = "2 h"\nfor = "1 h"\nlowest = 2\nhighest = 1', "not-a-range", "fault[1].highest"),
    ('kind = "counter-reset"\nat = "2 h"\nfor = "1 h"', "unknown-key", "fault[1].for"),
    ('kind = "stuck"\nat = "2 h"\nfor = "1 h"\nsize = 3', "unknown-key", "fault[1].size"),
]


@pytest.mark.parametrize(("text", "code", "key"), MISTAKES, ids=[mistake[1] + mistake[2] for mistake in MISTAKES])
def test_a_mistake_is_told_with_its_line_and_key(tmp_path, text, code, key):
    with pytest.raises(InstallationError) as found:
        read(tmp_path, HEAD + text)
    assert (code, key) in [(problem.code, problem.key) for problem in found.value.problems]
    assert all(problem.line for problem in found.value.problems)


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    text = "\n".join(f"{HEAD}{mistake}" for mistake, _, _ in MISTAKES)
    with pytest.raises(InstallationError) as found:
        read(tmp_path, text)
    assert {problem.code for problem in found.value.problems} == {code for _, code, _ in MISTAKES}


def test_a_mark_that_the_instrument_does_not_have_is_no_fault_of_it(tmp_path):
    text = '[[fault]]\ndevice = "{}"\nchannel = "{}"\nkind = "sentinel"\nat = "1 h"\nfor = "1 h"'
    building = ROOT / "examples" / "batiment-vitrine.toml"
    assert read(tmp_path, text.format("indoor", "temperature"), building)
    profile, key = load_profile("carlo-gavazzi-em340", ROOT), "energy-import"
    if not profile.channel(key).invalid:
        with pytest.raises(InstallationError, match="no value"):
            read(tmp_path, text.format("heat-pump-meter", key), building)


def random_fault(**changed):
    return Fault(
        **{
            "kind": "stuck",
            "number": 1,
            "device": "d",
            "channel": "c",
            "per_day": 5.0,
            "lasting_s": (60.0, 600.0),
            **changed,
        }
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), cut=st.floats(0.0, 3 * DAY), rate=st.floats(0.1, 200.0))
def test_a_period_does_not_depend_on_how_it_is_asked_for(seed, cut, rate):
    faults = [random_fault(per_day=rate)]
    end = BEGIN + 3 * DAY
    whole = expand(faults, seed, BEGIN, end)
    assert whole == expand(faults, seed, BEGIN, BEGIN + cut) + expand(faults, seed, BEGIN + cut, end)
    assert len({one.id for one in whole}) == len(whole)
    assert all(later.begin >= one.begin + 600.0 for one, later in itertools.pairwise(whole))
    assert all(60.0 <= one.end - one.begin <= 600.0 for one in whole)


def test_another_seed_gives_others_and_the_rate_is_kept():
    many = expand([random_fault(per_day=20.0, lasting_s=(1.0, 1.0))], 1, BEGIN, BEGIN + 50 * DAY)
    assert 850 < len(many) < 1150
    assert many != expand([random_fault(per_day=20.0, lasting_s=(1.0, 1.0))], 2, BEGIN, BEGIN + 50 * DAY)


def test_what_is_scheduled_happens_once_when_it_is_said():
    since = random_fault(per_day=0.0, since_start_s=7200.0, lasting_s=(60.0, 60.0))
    dated = random_fault(per_day=0.0, at_s=BEGIN + 5 * DAY, lasting_s=(60.0, 60.0), number=2)
    found = expand([dated, since], 1, BEGIN, BEGIN + 7 * DAY)
    assert [(one.begin - BEGIN, one.end - one.begin) for one in found] == [(7200.0, 60.0), (5 * DAY, 60.0)]
    schedule = Schedule([dated, since], 1, BEGIN)
    assert schedule.between(BEGIN, BEGIN + 7 * DAY) == found
    for at, wanted in [(7199.0, 0), (7200.0, 1), (7259.0, 1), (7260.0, 0), (5 * DAY + 1.0, 1)]:
        assert len(schedule.active(BEGIN + at, "d", "instrument")) == wanted, at
    assert not schedule.active(BEGIN + 7200.0, "another", "instrument")
    assert not schedule.active(BEGIN + 7200.0, "d", "bus")


def occurrence(kind, begin=10.0, end=20.0, **parameters):
    return Occurrence(
        id=f"1-{kind}",
        kind=kind,
        family="instrument",
        begin=begin,
        end=end,
        device="d",
        channel="c",
        parameters=parameters,
    )


def sound(path, times):
    """One signal rises by 1 a second from 100, the other stays."""
    return 100.0 + times if path == "d/c" else np.full(len(times), -5.0)


#: Kind, parameters, and what is shown at 5, 10, 12 and 20 s; the truth is 105, 110, 112, 120.
SHOWN = [
    ("stuck", {}, [105, 110, 110, 120]),
    ("drift", {"per_hour": 3600.0}, [105, 110, 114, 120]),
    ("spike", {"size": 50.0}, [105, 160, 162, 120]),
    ("offset-after-cleaning", {"size": -2.0}, [105, 108, 110, 120]),
    ("clipped-range", {"lowest": 0.0, "highest": 111.0}, [105, 110, 111, 120]),
    ("swapped", {"other": "d/o"}, [105, -5, -5, 120]),
    ("wrong-scale", {"factor": 0.1}, [105, 11.0, 11.2, 120]),
    ("counter-rollover", {"modulus": 100.0}, [105, 10, 12, 120]),
    ("sentinel", {}, [105, math.nan, math.nan, 120]),
    ("warm-up", {"size": 10.0, "time_constant": 2.0}, [105, 120, 112 + 10 / math.e, 120]),
]


@pytest.mark.parametrize(("kind", "parameters", "wanted"), SHOWN, ids=[row[0] for row in SHOWN])
def test_what_a_fault_does_while_it_lasts(kind, parameters, wanted):
    times = np.array([5.0, 10.0, 12.0, 20.0])
    found = shown("d/c", times, sound("d/c", times), [occurrence(kind, **parameters)], sound)
    np.testing.assert_allclose(found, wanted)
    alone = [shown("d/c", one, sound("d/c", one), [occurrence(kind, **parameters)], sound)[0] for one in times[:, None]]
    np.testing.assert_array_equal(found, alone)


def test_a_counter_that_was_reset_goes_on_from_zero():
    times = np.array([5.0, 10.0, 5000.0])
    fault = occurrence("counter-reset", begin=10.0, end=10.0)
    np.testing.assert_allclose(shown("d/c", times, sound("d/c", times), [fault], sound), [105, 0, 4990])


def test_what_is_stuck_after_a_reset_holds_what_was_seen_and_a_second_reset_begins_at_zero_too():
    times = np.array([9.0, 15.0, 21.0, 25.0, 31.0])
    faults = [
        occurrence("counter-reset", begin=10.0, end=10.0),
        occurrence("stuck", begin=20.0, end=23.0),
        occurrence("counter-reset", begin=30.0, end=30.0),
    ]
    np.testing.assert_allclose(shown("d/c", times, sound("d/c", times), faults, sound), [109, 5, 10, 15, 1])


def test_noise_has_its_deviation_and_is_the_same_each_time():
    times = np.arange(10.0, 4010.0)
    fault = occurrence("noise", end=4010.0, deviation=3.0)
    found = shown("d/c", times, sound("d/c", times), [fault], sound) - sound("d/c", times)
    assert 2.8 < found.std() < 3.2
    assert abs(found.mean()) < 0.2
    np.testing.assert_array_equal(found, shown("d/c", times, sound("d/c", times), [fault], sound) - sound("d/c", times))


def test_two_channels_that_are_swapped_show_one_another():
    times = np.array([5.0, 12.0])
    fault = occurrence("swapped", other="d/o")
    np.testing.assert_allclose(shown("d/o", times, sound("d/o", times), [fault], sound), [-5, 112])


def test_faults_that_overlap_are_applied_in_the_order_in_which_they_began():
    times = np.array([12.0])
    first, then = occurrence("wrong-scale", factor=10.0), occurrence("spike", begin=11.0, size=1.0)
    assert shown("d/c", times, sound("d/c", times), [then, first], sound)[0] == 1121.0


def test_every_kind_of_an_instrument_has_its_effect():
    assert set(EFFECTS) == {name for name, kind in KINDS.items() if kind.family == "instrument"}


def test_a_live_reading_has_the_fault_in_the_unit_of_the_site(tmp_path):
    """The flow meter's registers hold m³/s, the plant gives its own unit, the site shows m³/h."""
    faults = read(tmp_path, HEAD + 'kind = "spike"\nat = "10 s"\nfor = "10 s"\nsize = 3')
    installation, plant = load(PILOT), PLANTS["pilote-ultrafiltration"](1)
    bindings = bind(installation, plant.signals)
    source = FaultySource(plant, bindings, Schedule(faults, 1, BEGIN))
    bound = next(one for one in bindings if one.device.key == "feed-flow")
    (first, before), (second, after) = bound.to_profile["flow"], bound.to_site["flow"]

    def seen(reader, now):
        return (reader.read("feed-flow/flow", now) * first + before) * second + after

    for now, wanted in [(BEGIN + 9.0, 0.0), (BEGIN + 10.0, 3.0), (BEGIN + 20.0, 0.0)]:
        assert seen(source, now) - seen(Live(plant), now) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("name", ["siemens-mag6000", "hach-tss-sc", "eastron-sdm630"])
def test_an_instrument_shows_its_mark_where_it_has_no_value(name):
    from vitrine_gateway.modbus.decode import decode

    profile = load_profile(name, ROOT)
    device = ModbusDevice(profile, frozenset(one.key for one in profile.channels), lambda key, now: math.nan)
    for channel in profile.channels:
        if channel.invalid or channel.type.startswith("float"):
            function = 3 if channel.table == "holding" else 4
            words = device.registers(function, channel.address, channel.width)
            assert decode(channel, words)[0] is None, channel.key


def test_the_truth_log_gives_back_what_was_written(tmp_path):
    written = [occurrence("spike", begin=BEGIN, end=BEGIN + 5.5, size=3.0), occurrence("swapped", other="d/o")]
    log = TruthLog(tmp_path / "truth.jsonl")
    for one in written:
        log.add(one)
    assert read_truth(tmp_path / "truth.jsonl") == written  # also before it is closed
    log.close()
    assert json.loads((tmp_path / "truth.jsonl").read_text().splitlines()[0])["begin"].endswith("Z")


def test_a_line_that_is_no_truth_is_named(tmp_path):
    (tmp_path / "truth.jsonl").write_text('{"id": "1"}\nnot json\n')
    with pytest.raises(ConfigurationError) as found:
        read_truth(tmp_path / "truth.jsonl")
    assert [problem.line for problem in found.value.problems] == [1, 2]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_truth(tmp_path / "none.jsonl")


@pytest.mark.parametrize("page", ["docs/fr/pannes.md", "docs/en/faults.md"])
def test_every_kind_and_parameter_is_documented(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    names = {*KINDS, *(name for kind in KINDS.values() for name in kind.parameters)}
    assert not sorted(name for name in names if f"`{name}`" not in text)
