"""MQTT sensors: what a message gives, and what happens to one that cannot be read."""

from pathlib import Path

import pytest

from vitrine.quality import Test
from vitrine_gateway.mqtt.json_path import NotThere, number_at
from vitrine_gateway.mqtt.sensor import Sensor, Unreadable

from .sites import device, site

MQTT = '{ transport = "mqtt", host = "127.0.0.1", topic = "salle/1" }'

PATHS = [
    ({"a": 1}, "a", 1.0),
    ({"a": {"b": [2, {"c": "3.5"}]}}, "a.b[1].c", 3.5),
    ([[5]], "[0][0]", 5.0),
    ({"a": None}, "a", None),
    ({"a": True}, "a", None),
    ({"a": "wet"}, "a", None),
    ({"a": {"b": 1}}, "a", None),
    ({"a": float("nan")}, "a", None),
]


@pytest.mark.parametrize(("document", "path", "expected"), PATHS)
def test_path(document: object, path: str, expected: float | None) -> None:
    assert number_at(document, path) == expected


@pytest.mark.parametrize(("document", "path"), [({}, "a"), ({"a": 1}, "a.b"), ({"a": [1]}, "a[1]"), (3, "a")])
def test_path_that_is_not_there(document: object, path: str) -> None:
    with pytest.raises(NotThere):
        number_at(document, path)


def sensor(folder: Path) -> Sensor:
    one = device("room", MQTT, profile="json-temperature-humidity", every="10 s")
    return Sensor(site(folder, one).devices[0], now=100.0)


def test_message_gives_values(tmp_path: Path) -> None:
    sample = sensor(tmp_path).message(b'{"temperature": 21.5, "humidity": null, "battery": 98}', 101.0)
    assert [(one.channel, one.at, one.value, one.tests) for one in sample.readings] == [
        ("temperature", 101.0, 21.5, 0),
        ("humidity", 101.0, None, Test.SENTINEL),
    ]


def test_message_without_one_of_the_values_says_nothing_of_it(tmp_path: Path) -> None:
    sample = sensor(tmp_path).message(b'{"humidity": 40}', 101.0)
    assert [one.channel for one in sample.readings] == ["humidity"]


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"{", b"[]", b"12", b'{"action": "single"}', b""])
def test_message_that_cannot_be_read_is_counted_and_told(payload: bytes, tmp_path: Path) -> None:
    one = sensor(tmp_path)
    with pytest.raises(Unreadable):
        one.message(payload, 101.0)
    assert one.unreadable == 1
    assert one.failure
    one.message(b'{"humidity": 40}', 102.0)
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
