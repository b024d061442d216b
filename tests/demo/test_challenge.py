"""The challenge: blind faults that a seed decides, the whole way they take, how findings are judged, what is written."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import psycopg
import pytest
from rich.console import Console

from tests.servers.fixtures import clone, template
from vitrine.errors import ConfigurationError
from vitrine.i18n import LANGUAGES
from vitrine.installation_file import load
from vitrine.quality import Quality, Test
from vitrine.settings import Settings
from vitrine_collector import catalogue
from vitrine_database.migration import migrate
from vitrine_demo.challenge import kept
from vitrine_demo.challenge.blind import DURATIONS, blind_faults, kinds_of
from vitrine_demo.challenge.collection import Judged
from vitrine_demo.challenge.commands import BEGIN
from vitrine_demo.challenge.commands import challenge as command
from vitrine_demo.challenge.picture import picture
from vitrine_demo.challenge.report import print_report
from vitrine_demo.challenge.result import document_of
from vitrine_demo.challenge.run import Outcome, Setting, run
from vitrine_demo.challenge.score import score
from vitrine_demo.challenge.stretched import stretched
from vitrine_demo.challenge.traits import Trait
from vitrine_demo.challenge.words import Words
from vitrine_gateway.site import load_site
from vitrine_simulators.faults import KINDS, Fault, Occurrence, read_truth

ROOT = Path(__file__).parents[2]
START, HOUR, DAY = BEGIN.timestamp(), 3600.0, 86_400.0

SMALL = """
[installation]
slug = "pilote-ultrafiltration"
kind = "test_bench"
domain = "water"
name = { fr = "Petit pilote", en = "Small pilot" }
organisation = "eau-claire"
simulated = true
[gateway]
node = "pi"
uplink = { host = "127.0.0.1", port = 1 }
[[device]]
key = "feed-turbidity"
profile = "hach-tss-sc"
connection = { transport = "tcp", host = "127.0.0.1", port = 1, unit = 3 }
every = "5 s"
  [[device.channel]]
  key = "turbidity"
  quality = { gross_range = { fail = [0, 1000] }, flat_line = { suspect = "10 min" } }
[[device]]
key = "pump"
profile = "eastron-sdm630"
connection = { transport = "tcp", host = "127.0.0.1", port = 1, unit = 6 }
every = "1 s"
  [[device.channel]]
  key = "energy-import"
  quality = { rate_of_change = { suspect = 0.5 } }
[[device]]
key = "outdoor"
profile = "json-temperature-humidity"
connection = { transport = "mqtt", host = "127.0.0.1", port = 1, topic = "roof" }
every = "5 s"
  [[device.channel]]
  key = "temperature"
  quality = { gross_range = { fail = [-45, 45] } }
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def setting(**changed):
    return Setting(**{"seed": 3, "begin": START, "end": START + DAY / 2, "at_least_s": 60.0, **changed})


def outcome_of(server, path, wanted):
    with clone(server, template(server, "demo", lambda dsn: migrate(dsn))) as url:
        return run(path, url, wanted, lambda share: None)


# --- blind faults ----------------------------------------------------------------------------------------------------


def trait(path="d/c", **changed):
    return Trait(**{
        "path": path, "every_s": 30.0, "low": 10.0, "high": 20.0, "spread": 10.0, "counter": False, "has_mark": True,
        "partners": (), **changed,
    })  # fmt: skip


TRAITS = [
    trait("a/x", partners=("b/x",)),
    trait("b/x", partners=("a/x",)),
    trait("c/energy", counter=True, low=500.0, high=700.0),
    trait("d/y", has_mark=False),
]


def test_the_same_seed_gives_the_same_faults_and_another_seed_others():
    first = blind_faults(TRAITS, 7, START, START + 28 * DAY)
    assert first == blind_faults(TRAITS, 7, START, START + 28 * DAY)
    assert first != blind_faults(TRAITS, 8, START, START + 28 * DAY)
    assert {fault.kind for fault in first} == set(DURATIONS)


def test_no_channel_has_two_faults_at_once_and_all_lie_within_the_period():
    end = START + 28 * DAY
    spans = {one.path: [] for one in TRAITS}
    for fault in blind_faults(TRAITS, 7, START, end):
        assert START <= fault.begin <= fault.end < end
        for path in {f"{fault.device}/{fault.channel}", str(fault.parameters.get("other", ""))} - {""}:
            spans[path].append((fault.begin, fault.end))
    for found in spans.values():
        assert len(found) > 40
        assert all(end < begin for (_, end), (begin, _) in zip(sorted(found), sorted(found)[1:], strict=False))


def test_kinds_fit_the_channel_and_come_about_equally_often():
    assert "sentinel" not in kinds_of(TRAITS[3])
    assert "swapped" not in kinds_of(TRAITS[3])
    assert "drift" not in kinds_of(TRAITS[2])
    counts = dict.fromkeys(kinds_of(TRAITS[3]), 0)
    for fault in blind_faults([TRAITS[3]], 7, START, START + 28 * DAY):
        counts[fault.kind] += 1
        assert set(fault.parameters) == set(KINDS[fault.kind].parameters)
    assert max(counts.values()) - min(counts.values()) <= 1


# --- judging ---------------------------------------------------------------------------------------------------------


def judged_outcome(path, faults, values, sound, tests):
    """Build an outcome of one turbidity channel with a reading a minute."""
    site = stretched(load_site(path), 60.0)
    site = replace(site, devices=site.devices[:1])
    count = len(values)
    flags = Judged(
        START + 60.0 * np.arange(count),
        np.array(values, dtype=np.float64),
        np.where(np.array(tests) > 0, Quality.SUSPECT, Quality.PASS).astype(np.int16),
        np.array(tests, dtype=np.int16),
    )
    wanted = setting(end=START + 60.0 * count)
    return Outcome(
        site, wanted, faults, {"feed-turbidity/turbidity": flags}, {"feed-turbidity/turbidity": sound}, count
    )


def fault(kind="spike", begin=600.0, end=1200.0, **parameters):
    return Occurrence(
        id=kind, kind=kind, family="instrument", begin=START + begin, end=START + end, device="feed-turbidity",
        channel="turbidity", parameters=parameters,
    )  # fmt: skip


#: Minutes that are wrong, minutes that are flagged → (visible, found, delay, false alarms); the fault lasts 10 to 20.
JUDGED = [
    ([], [], (False, False, None, 0)),
    (range(10, 20), [], (True, False, None, 0)),
    (range(10, 20), [13], (True, True, 180.0, 0)),
    (range(10, 20), [9], (True, True, 0.0, 0)),
    (range(10, 20), [21], (True, True, 660.0, 0)),
    (range(10, 20), [22], (True, False, None, 1)),
    (range(10, 20), [2, 3, 5, 40], (True, False, None, 2)),
    (range(10, 30), [25], (True, False, None, 0)),
]


@pytest.mark.parametrize(("wrong", "flagged", "wanted"), JUDGED)
def test_what_is_flagged_within_the_fault_is_found_and_outside_is_a_false_alarm(small, wrong, flagged, wanted):
    sound = 10.0 + np.arange(60) % 7
    values = sound.copy()
    values[list(wrong)] += 5.0
    tests = np.zeros(60, dtype=np.int16)
    tests[flagged] = Test.SPIKE
    found = score(judged_outcome(small, [fault()], values, sound, tests))[0]
    finding = found.findings[0]
    assert (finding.visible, finding.found, finding.delay_s, sum(one.false for one in found.alarms)) == wanted


def test_what_would_have_been_flagged_without_the_fault_too_is_not_found(small):
    sound = np.full(60, 2000.0)  # outside the gross range all the time
    values = sound.copy()
    values[10:20] += 5.0
    found = score(judged_outcome(small, [fault()], values, sound, np.full(60, Test.GROSS_RANGE)))[0]
    assert not found.findings[0].found
    assert [one.false for one in found.alarms] == [True, False, True]  # before, within, after


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.mark.plain
def test_two_runs_of_a_seed_give_the_same_result_to_the_last_byte(plain_server, small):
    documents = []
    for _ in range(2):
        outcome = outcome_of(plain_server, small, setting())
        documents.append(json.dumps(document_of(outcome, score(outcome))))
    assert documents[0] == documents[1]
    assert outcome.rows == 3 * 720
    result = json.loads(documents[0])
    assert result["total"]["visible"] == 3
    for path, flags in outcome.flags.items():
        clean = np.ones(len(flags), dtype=np.bool_)
        for one in outcome.truth:
            if f"{one.device}/{one.channel}" == path:
                clean &= (flags.time < one.begin) | ((flags.time >= one.end) & (one.end > one.begin))
        assert clean.sum() > 300
        np.testing.assert_allclose(flags.value[clean], outcome.sound[path][clean], rtol=1e-9)


def declared(kind, path, at_h, for_h=0.0, **parameters):
    device, _, channel = path.partition("/")
    return Fault(
        kind=kind, number=1, device=device, channel=channel, since_start_s=at_h * HOUR, lasting_s=(for_h * HOUR,) * 2,
        parameters=parameters,
    )  # fmt: skip


@pytest.mark.plain
def test_declared_faults_are_found_by_the_tests_that_can_find_them(plain_server, small):
    turbidity, energy, roof = "feed-turbidity/turbidity", "pump/energy-import", "outdoor/temperature"
    faults = [
        declared("stuck", turbidity, 1.0, 1.0),
        declared("offset-after-cleaning", turbidity, 4.0, 1.0, size=0.5),
        declared("wrong-scale", turbidity, 7.0, 0.5, factor=-1.0),
        declared("counter-reset", energy, 5.0),
        declared("sentinel", roof, 2.0, 0.1),
        declared("spike", roof, 6.0, 1 / 60, size=80.0),
    ]
    outcome = outcome_of(plain_server, small, setting(declared=faults))
    found = {one.fault.kind: one for channel in score(outcome) for one in channel.findings}
    assert {kind: set(one.found_by) for kind, one in found.items()} == {
        "stuck": {"flat_line"},
        "offset-after-cleaning": set(),
        "wrong-scale": {"gross_range"},
        "counter-reset": {"rate_of_change"},
        "sentinel": {"sentinel"},
        "spike": {"gross_range"},
    }
    assert all(one.visible for one in found.values())
    assert 600.0 <= found["stuck"].delay_s <= 720.0
    assert found["counter-reset"].delay_s <= 60.0
    assert not [alarm for channel in score(outcome) for alarm in channel.alarms if alarm.false]


@pytest.mark.plain
def test_the_command_writes_all_that_it_is_asked_for(plain_server, small, tmp_path, monkeypatch, capsys):
    with clone(plain_server, template(plain_server, "demo", lambda dsn: migrate(dsn))) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            catalogue.apply(connection, load(small))
        monkeypatch.setattr("vitrine_demo.challenge.commands.settings", lambda: Settings(database_url=url))
        truth, image = tmp_path / "truth.jsonl", tmp_path / "picture.svg"
        words = [str(small), "--days", "0.25", "--every", "5 min", "--json", "--store"]
        command(args=[*words, "--truth", str(truth), "--picture", str(image)], standalone_mode=False)
        with psycopg.connect(url) as connection:
            kept_result = connection.execute("SELECT result FROM challenge").fetchone()[0]
    result = json.loads(capsys.readouterr().out)
    assert result == kept_result
    assert len(read_truth(truth)) == result["total"]["faults"] == 3
    ElementTree.fromstring(image.read_text(encoding="utf-8"))


WRONG = [
    ((), "not a duration", "--every", "often"),
    (("second",), "belong to one installation", "--truth", "t.jsonl"),
    ((), "on which faults such as slow happen", "--faults", "{faults}"),
]


@pytest.mark.parametrize(("more", "message", "option", "value"), WRONG)
def test_what_cannot_be_asked_for_is_told(small, tmp_path, more, message, option, value):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[fault]]\nkind = "slow"\ndevice = "pump"\nat = "1 h"\nfor = "1 h"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        command(args=[*[str(small)] * (1 + len(more)), option, value.format(faults=faults)], standalone_mode=False)


# --- what is shown and kept ------------------------------------------------------------------------------------------

RESULT = json.loads((ROOT / "tests" / "portal" / "challenge.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_report_and_picture_name_every_kind_test_and_channel(language):
    words, console = Words(language), Console(width=200, record=True, file=StringIO())
    print_report(console, RESULT, language)
    text, drawing = console.export_text(), picture(RESULT, words)
    for name in [words.kind(row["kind"]) for row in RESULT["kinds"]] + [
        words.test(row["test"]) for row in RESULT["tests"]
    ]:
        assert name in text
        assert name.replace("&", "&amp;") in drawing
    assert drawing.count('class="found"') + drawing.count('class="missed"') + drawing.count('class="hidden"') == (
        sum(1 + (one["kind"] == "swapped") for row in RESULT["channels"] for one in row["truth"]) + 3
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_word_in_the_terminal_and_in_the_portal(language):
    from vitrine.i18n import catalogue as messages

    instrument = {name for name, kind in KINDS.items() if kind.family == "instrument"}
    assert not {f"challenge.kind.{name}" for name in instrument} - set(messages("vitrine_demo", language))
    assert not {f"challenge.kind.{name}" for name in instrument} - set(messages("vitrine_api.portal", language))


@pytest.mark.plain
def test_a_result_is_kept_for_the_portal_once_a_file_and_seed(plain_server, small):
    with clone(plain_server, template(plain_server, "demo", lambda dsn: migrate(dsn))) as url:
        with pytest.raises(ConfigurationError, match="knows no installation"):
            kept.keep(url, "pilote-ultrafiltration", RESULT)
        with psycopg.connect(url, autocommit=True) as connection:
            catalogue.apply(connection, load(small))
            for _ in range(2):
                kept.keep(url, "pilote-ultrafiltration", RESULT)
            rows = connection.execute("SELECT seed, result FROM challenge").fetchall()
    assert rows == [(RESULT["seed"], RESULT)]
