"""Sparkplug B devices as sensors: births, aliases, holes in the sequence, deaths."""

from pathlib import Path

import pytest

from vitrine.quality import Test
from vitrine.sparkplug import DataType, Metric, Payload, PropertyValue, encode
from vitrine.sparkplug import Message as Kind
from vitrine.uplink import QUALITY, UNIT
from vitrine_gateway.mqtt.sensor import Message, Unreadable
from vitrine_gateway.mqtt.sparkplug_sensor import SparkplugSensor

from .mqtt_case import NOON
from .sites import device, site

PROFILE = """
manufacturer = "Maker"
model = "Edge"
name = { fr = "Nœud", en = "Node" }
protocol = "mqtt"
[[source]]
document = "Sparkplug 3.0"
evidence = "manual"
[mqtt]
dialect = "sparkplug"
topic = "spBv1.0/{group}/+/{node}/{device}"
[[channel]]
key = "t"
name = { fr = "Température", en = "Temperature" }
unit = "Cel"
quantity = "temperature"
decimals = 1
path = "Inputs/T 1"
"""
MS = int(NOON * 1000)


@pytest.fixture
def sensor(tmp_path: Path) -> SparkplugSensor:
    (tmp_path / "own.toml").write_text(PROFILE)
    names = 'names = { group = "g", node = "n", device = "d" }, rebirth = true'
    one = device("one", f'{{ transport = "mqtt", host = "127.0.0.1", {names} }}', every="10 s")
    return SparkplugSensor(site(tmp_path, one).devices[0], 100.0)


def said(kind: Kind, seq: int, *metrics: Metric, of: str = "d") -> Message:
    topic = f"spBv1.0/g/{kind}/n" + (f"/{of}" if kind.of_device else "")
    return Message(topic, encode(Payload(timestamp=MS, seq=seq, metrics=metrics)), 101.0, NOON)


BORN = Metric(
    name="Inputs/T 1",
    alias=7,
    datatype=DataType.INT16,
    value=70,
    properties={UNIT: PropertyValue(DataType.STRING, "°F")},
)


def test_alias_means_what_the_birth_said(sensor: SparkplugSensor) -> None:
    assert sensor.take(said(Kind.NBIRTH, 0, Metric(name="bdSeq", datatype=DataType.INT64, value=3))) is None
    assert sensor.take(said(Kind.DBIRTH, 1, BORN))
    assert sensor.requests(1e6) == []
    bad = {QUALITY: PropertyValue(DataType.INT32, 0)}
    sample = sensor.take(
        said(
            Kind.DDATA,
            2,
            Metric(alias=7, timestamp=MS - 5000, value=(-40) & 0xFFFF),
            Metric(alias=7, value=32, properties=bad),
        )
    )
    assert sample
    first, second = sample.readings
    assert [first.value, second.value] == pytest.approx([-40, 0], abs=1e-9)
    assert (first.own_ms, first.tests) == (MS - 5000, 0)
    assert (second.own_ms, second.tests) == (MS, int(Test.SENSOR_STATUS))


@pytest.mark.parametrize("why", ["hole", "connect", "birth of the node"])
def test_alias_is_not_believed_where_a_birth_may_have_been_missed(sensor: SparkplugSensor, why: str) -> None:
    sensor.take(said(Kind.DBIRTH, 1, BORN))
    sensor.take(said(Kind.DDATA, 2, of="other"))
    if why == "connect":
        sensor.connected()
    if why == "birth of the node":
        sensor.take(said(Kind.NBIRTH, 2))
    with pytest.raises(Unreadable):
        sensor.take(said(Kind.DDATA, 5 if why == "hole" else 3, Metric(alias=7, value=1)))
    [(topic, _)] = sensor.requests(1e6)
    assert topic == "spBv1.0/g/NCMD/n"
    assert sensor.requests(1e6 + 1) == []


def test_deaths_tell_at_once_but_not_an_old_one(sensor: SparkplugSensor) -> None:
    sensor.take(said(Kind.NBIRTH, 0, Metric(name="bdSeq", datatype=DataType.INT64, value=3)))
    old = Metric(name="bdSeq", datatype=DataType.INT64, value=2)
    assert sensor.take(said(Kind.NDEATH, 0, old)) is None
    for message in (said(Kind.DDEATH, 1), said(Kind.NDEATH, 0, replace_value(old, 3))):
        sample = sensor.take(message)
        assert sample
        assert [reading.tests for reading in sample.readings] == [Test.NO_ANSWER]


def replace_value(metric: Metric, value: int) -> Metric:
    return Metric(name=metric.name, datatype=metric.datatype, value=value)
