"""MQTT sensors: what a message gives, and what happens to one that cannot be read."""

from importlib.resources import files
from pathlib import Path

import pytest

from vitrine.errors import InstallationError
from vitrine.mqtt.json_path import NotThere, steps_of, value_at
from vitrine.mqtt.timestamp import Unbelievable, own_time_ms
from vitrine.quality import Test
from vitrine_gateway.mqtt.sensor import Message, Sensor, Unreadable
from vitrine_gateway.profiles import load
from vitrine_gateway.site import inspect_site

from .mqtt_case import NOON
from .sites import device, site, write_site

MQTT = '{ transport = "mqtt", host = "127.0.0.1", topic = "salle/1" }'

PATHS = [
    ({"a": 1}, "a", 1),
    ({"a": {"b": [2, {"c": "3.5"}]}}, "a.b[1].c", "3.5"),
    ([[5]], "[0][0]", 5),
    ({"a.b": {"c": 4}}, '"a.b".c', 4),
    ({"x": {"a.b": 4}}, 'x."a.b"', 4),
    ({"a": None}, "a", None),
    (21.5, "$", 21.5),
]


@pytest.mark.parametrize(("document", "path", "expected"), PATHS)
def test_path(document: object, path: str, expected: object) -> None:
    assert value_at(document, path) == expected


@pytest.mark.parametrize(("document", "path"), [({}, "a"), ({"a": 1}, "a.b"), ({"a": [1]}, "a[1]"), (3, "a")])
def test_path_that_is_not_there(document: object, path: str) -> None:
    with pytest.raises(NotThere):
        value_at(document, path)


@pytest.mark.parametrize("path", ["a..b", "a.", "[x]", 'a"b"', "a]"])
def test_path_that_is_none(path: str) -> None:
    with pytest.raises(ValueError, match="not a path"):
        steps_of(path)


TIMES = [
    (1772470800, "unix_s", "", 1772470800000),
    ("1772470800.25", "unix_s", "", 1772470800250),
    (1772470800123, "unix_ms", "", 1772470800123),
    ("2026-03-02T12:00:00-05:00", "iso8601", "", 1772470800000),
    ("2026-03-02T12:00:00", "iso8601", "America/Toronto", 1772470800000),
    ("2026-03-02T17:00:00Z", "iso8601", "America/Toronto", 1772470800000),
]
ABSURD = [
    (0, "unix_s", ""),
    (1772470800, "unix_ms", ""),
    (NOON + 90_000, "unix_s", ""),
    ("2026-03-02T12:00:00", "iso8601", ""),
    ("2026-03-08T02:30:00", "iso8601", "America/Toronto"),
    ("noon", "iso8601", "UTC"),
    (True, "unix_s", ""),
    (None, "unix_s", ""),
    ("1e999", "unix_s", ""),
]


@pytest.mark.parametrize(("raw", "form", "zone", "expected"), TIMES)
def test_own_time(raw: object, form: str, zone: str, expected: int) -> None:
    assert own_time_ms(raw, form, zone, NOON) == expected


@pytest.mark.parametrize(("raw", "form", "zone"), ABSURD)
def test_time_that_is_not_believed(raw: object, form: str, zone: str) -> None:
    with pytest.raises(Unbelievable):
        own_time_ms(raw, form, zone, NOON)


def test_the_hour_that_comes_twice_is_the_nearer_one() -> None:
    first, second = 1793511000.0, 1793514600.0  # 2026-11-01 01:30 EDT and EST
    for now in (first, second):
        assert own_time_ms("2026-11-01T01:30:00", "iso8601", "America/Toronto", now + 2) == now * 1000


def test_gateway_without_a_clock_cannot_say_that_a_sensor_is_ahead() -> None:
    assert own_time_ms(1772470800, "unix_s", "", 30.0) == 1772470800000


def sensor(folder: Path) -> Sensor:
    one = device("room", MQTT, profile="json-temperature-humidity", every="10 s")
    return Sensor(site(folder, one).devices[0], now=100.0)


def heard(payload: bytes, at: float, **more: bool) -> Message:
    return Message("salle/1", payload, at, NOON, **more)


def test_message_gives_values(tmp_path: Path) -> None:
    sample = sensor(tmp_path).take(heard(b'{"temperature": 21.5, "humidity": null, "battery": 98}', 101.0))
    assert sample
    assert [(one.channel, one.at, one.value, one.tests) for one in sample.readings] == [
        ("temperature", 101.0, 21.5, 0),
        ("humidity", 101.0, None, Test.SENTINEL),
    ]


def test_message_without_one_of_the_values_says_nothing_of_it(tmp_path: Path) -> None:
    sample = sensor(tmp_path).take(heard(b'{"humidity": 40}', 101.0))
    assert sample
    assert [one.channel for one in sample.readings] == ["humidity"]


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"{", b"[]", b"12", b'{"action": "single"}', b""])
def test_message_that_cannot_be_read_is_counted_and_told(payload: bytes, tmp_path: Path) -> None:
    one = sensor(tmp_path)
    with pytest.raises(Unreadable):
        one.take(heard(payload, 101.0))
    assert one.unreadable == 1
    assert one.failure
    one.take(heard(b'{"humidity": 40}', 102.0))
    assert one.failure == ""


def test_silence_is_told_once_for_each_period(tmp_path: Path) -> None:
    one = sensor(tmp_path)
    assert one.silence(109.9) is None
    sample = one.silence(110.0)
    assert sample is not None
    assert [reading.tests for reading in sample.readings] == [Test.NO_ANSWER, Test.NO_ANSWER]
    assert one.silence(119.9) is None
    assert one.silence(120.0) is not None
    assert one.failure == "no message for 10 s"


def test_text_with_a_unit_is_refused_with_its_reason(tmp_path: Path) -> None:
    one = sensor(tmp_path)
    sample = one.take(heard(b'{"temperature": "21.5 \xc2\xb0C", "humidity": "40"}', 101.0))
    assert sample
    assert [(reading.value, reading.tests) for reading in sample.readings] == [(None, Test.SENSOR_STATUS), (40.0, 0)]
    assert "21.5 °C" in one.failure


def test_message_that_waited_has_an_uncertain_time(tmp_path: Path) -> None:
    sample = sensor(tmp_path).take(heard(b'{"humidity": 40}', 101.0, waited=True))
    assert sample
    assert sample.readings[0].tests == Test.TIME_UNCERTAIN


def test_retained_message_without_its_own_time_says_nothing(tmp_path: Path) -> None:
    assert sensor(tmp_path).take(heard(b'{"humidity": 40}', 101.0, retained=True)) is None


def zigbee(folder: Path) -> Sensor:
    where = '{ transport = "mqtt", host = "127.0.0.1", topic = "zigbee2mqtt/cave" }'
    more = '[[device.channel]]\nkey = "temperature"'
    return Sensor(site(folder, device("z", where, profile="zigbee2mqtt", every="10 s", more=more)).devices[0], 100.0)


def test_retained_message_counts_where_its_time_is_newer_than_the_last(tmp_path: Path) -> None:
    one = zigbee(tmp_path)
    taken = []
    for minute in ("01", "01", "00", "02"):
        text = f'{{"temperature": 20, "last_seen": "2026-03-02T16:{minute}:00Z"}}'
        taken.append(one.take(Message("zigbee2mqtt/cave", text.encode(), 101.0, NOON, retained=True)) is not None)
    assert taken == [True, False, False, True]


def test_absurd_time_gives_way_to_the_arrival_and_is_marked(tmp_path: Path) -> None:
    one = zigbee(tmp_path)
    sample = one.take(
        Message("zigbee2mqtt/cave", b'{"temperature": 20, "last_seen": "1970-01-01T00:00:05Z"}', 101.0, NOON)
    )
    assert sample
    assert [(reading.own_ms, reading.at, reading.tests) for reading in sample.readings] == [
        (None, 101.0, Test.TIME_UNCERTAIN)
    ]
    assert "before 2000" in one.failure


def test_offline_is_told_once_and_a_value_ends_it(tmp_path: Path) -> None:
    one = zigbee(tmp_path)
    for topic, payload in (
        ("zigbee2mqtt/cave/availability", b'{"state":"offline"}'),
        ("zigbee2mqtt/bridge/state", b"offline"),
    ):
        sample = one.take(Message(topic, payload, 101.0, NOON, retained=True))
        assert sample
        assert [reading.tests for reading in sample.readings] == [Test.NO_ANSWER]
        assert one.take(Message(topic, payload, 101.5, NOON, retained=True)) is None
        assert one.failure == f"offline, says {topic}"
    one.take(Message("zigbee2mqtt/cave", b'{"temperature": 20}', 102.0, NOON))
    assert one.failure == ""


MISTAKES = [
    ('topic = "a/b+/c"', "zigbee2mqtt", "not-a-topic"),
    ('topic = "a/#/c"', "zigbee2mqtt", "not-a-topic"),
    ('topic = "tele/cave/STATE"', "tasmota-energy", "missing-name"),
    ('topic = "tele/cave/SENSOR"', "tasmota-energy", "missing-zone"),
    ('topic = "tele/cave/SENSOR", zone = "Toronto"', "tasmota-energy", "unknown-zone"),
    ('topic = "tele/cave/SENSOR", zone = "UTC", names = { x = "y" }', "tasmota-energy", "unknown-name"),
    ('topic = "zigbee2mqtt/cave"', "zigbee2mqtt", "no-channel-chosen"),
    ("zone = 'UTC'", "json-temperature-humidity", "missing-key"),
]


@pytest.mark.parametrize(("keys", "profile", "code"), MISTAKES)
def test_mistakes_are_told_with_line_and_key(keys: str, profile: str, code: str, tmp_path: Path) -> None:
    where = f'{{ transport = "mqtt", host = "127.0.0.1", {keys} }}'
    _, problems = inspect_site(write_site(tmp_path, device("one", where, profile=profile)))
    found = [problem for problem in problems if problem.code == code]
    assert found, problems
    assert found[0].line > 10
    assert found[0].key.startswith("device[1].")


def test_mistakes_of_a_profile_are_told(tmp_path: Path) -> None:
    text = Path(str(files("vitrine_gateway.profiles").joinpath("zigbee2mqtt.toml"))).read_text()
    text = text.replace('path = "temperature"', 'path = "a..b"').replace('topic = "{base}/{sensor}"', 'topic = "{base"')
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InstallationError) as caught:
        load("own.toml", tmp_path)
    assert {"not-a-path", "not-a-topic"} <= {problem.code for problem in caught.value.problems}
