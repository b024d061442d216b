"""Devices that announce themselves to Home Assistant: what is announced is followed, what only it can work out is not."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess
from vitrine.quality import Test
from vitrine_gateway.mqtt.home_assistant import NotUnderstood, entities, path_of
from vitrine_gateway.mqtt.home_assistant_sensor import HomeAssistantSensor
from vitrine_gateway.mqtt.sensor import Message, Unreadable

from .mqtt_case import NOON
from .sites import device, site
from .test_mqtt_source import publisher
from .test_secured_source import listening, soon, values

CONFIG = "homeassistant/sensor/pilot/{}/config"
CHOSEN = '[[device.channel]]\nkey = "temperature"\n[[device.channel]]\nkey = "power"\n'


@pytest.fixture
def sensor(tmp_path: Path) -> HomeAssistantSensor:
    names = 'names = { prefix = "homeassistant", node = "pilot" }'
    connection = f'{{ transport = "mqtt", host = "127.0.0.1", {names} }}'
    one = device("one", connection, profile="home-assistant", every="10 s", more=CHOSEN)
    return HomeAssistantSensor(site(tmp_path, one).devices[0], 100.0)


def announce(sensor: HomeAssistantSensor, name: str, **config: object) -> None:
    body = json.dumps(config).encode() if config else b""
    assert sensor.take(Message(CONFIG.format(name), body, 100.0, NOON, retained=True)) is None


def state(sensor: HomeAssistantSensor, topic: str, text: str, **more: bool) -> dict[str, tuple[float | None, int]]:
    sample = sensor.take(Message(topic, text.encode(), 101.0, NOON, **more))
    return {one.channel: (one.value, one.tests) for one in sample.readings} if sample else {}


def test_topics_are_those_that_the_device_announces(sensor: HomeAssistantSensor) -> None:
    assert sensor.filters == ("homeassistant/sensor/pilot/+/config",)
    announce(sensor, "t", **{"~": "pilot/t", "stat_t": "~/state", "avty_t": "~/up", "dev_cla": "temperature"})
    assert sensor.filters == ("homeassistant/sensor/pilot/+/config", "pilot/t/state", "pilot/t/up")
    assert state(sensor, "pilot/t/state", "21.5") == {"temperature": (21.5, 0)}
    announce(sensor, "t")
    assert sensor.filters == ("homeassistant/sensor/pilot/+/config",)


def test_offline_is_heard(sensor: HomeAssistantSensor) -> None:
    presence = [{"topic": "pilot/up", "payload_available": "1", "payload_not_available": "0"}]
    announce(sensor, "t", state_topic="pilot/t", device_class="temperature", availability=presence)
    assert set(state(sensor, "pilot/up", "0").values()) == {(None, int(Test.NO_ANSWER))}
    assert sensor.failure == "offline, says pilot/up"
    assert state(sensor, "pilot/up", "1") == {}
    assert sensor.failure == ""


def test_retained_state_has_no_time_and_is_left(sensor: HomeAssistantSensor) -> None:
    announce(sensor, "t", state_topic="pilot/t", device_class="temperature")
    assert state(sensor, "pilot/t", "21.5", retained=True) == {}
    assert state(sensor, "pilot/t", "21.5", waited=True) == {"temperature": (21.5, int(Test.TIME_UNCERTAIN))}


def test_unit_that_does_not_convert_gives_no_value(sensor: HomeAssistantSensor) -> None:
    announce(sensor, "t", state_topic="pilot/t", device_class="temperature", unit_of_measurement="bar")
    assert state(sensor, "pilot/t", "21.5") == {"temperature": (None, int(Test.SENSOR_STATUS))}
    assert "does not convert" in sensor.failure


def test_two_entities_of_one_class_are_not_guessed_between(sensor: HomeAssistantSensor) -> None:
    for name in ("in", "out"):
        announce(sensor, name, state_topic=f"pilot/{name}", device_class="temperature")
    assert sensor.failure == "temperature: several entities are “temperature”: in, out"
    announce(sensor, "temperature", state_topic="pilot/main", device_class="temperature")
    assert sensor.failure == ""
    assert state(sensor, "pilot/main", "4") == {"temperature": (4.0, 0)}


def test_message_without_the_value_is_counted(sensor: HomeAssistantSensor) -> None:
    announce(sensor, "p", state_topic="pilot", device_class="power", value_template="{{ value_json.P }}")
    with pytest.raises(Unreadable, match="pilot has none of"):
        state(sensor, "pilot", '{"Q": 1}')
    assert sensor.unreadable == 1


@pytest.mark.parametrize(
    "payload", [b"[1]", b"{", b"{}", b'{"state_topic": "a", "value_template": "{{ value | sum }}"}']
)
def test_configuration_that_is_not_understood_is_named(sensor: HomeAssistantSensor, payload: bytes) -> None:
    with pytest.raises(Unreadable):
        sensor.take(Message(CONFIG.format("x"), payload, 100.0, NOON, retained=True))
    assert sensor.failure


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{{ value }}", "$"),
        ("{{value|float}}", "$"),
        ("{{ value_json.a }}", '"a"'),
        ("{{ value_json['a b'].c | round(1) }}", '"a b"."c"'),
        ('{{ value_json["a"] | float(0) | round(2) }}', '"a"'),
    ],
)
def test_template_that_names_a_value(template: str, path: str) -> None:
    assert path_of(template) == path


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.a * 2 }}",
        "{{ value_json.a | multiply(2) }}",
        "{% if value %}1{% endif %}",
        "{{ value_json }}",
        "1",
    ],
)
def test_template_that_works_something_out_is_refused(template: str) -> None:
    with pytest.raises(NotUnderstood, match="does more than name a value"):
        path_of(template)


def test_device_announces_several_entities_at_once() -> None:
    components = {
        "t1": {"p": "sensor", "stat_t": "~/a", "dev_cla": "temperature"},
        "b": {"p": "button", "cmd_t": "~/b"},
        "p1": {"p": "sensor", "stat_t": "~/c", "val_tpl": "{{ value_json.P }}", "unit_of_meas": "kW"},
    }
    found = entities("homeassistant/device/x/config", json.dumps({"~": "x", "cmps": components}).encode())
    assert [(one.names, one.state_topic, one.path, one.unit) for one in found] == [
        (("t1", "temperature"), "x/a", "$", ""),
        (("p1",), "x/c", '"P"', "kW"),
    ]


@pytest.mark.anyio
async def test_states_are_subscribed_to_over_a_real_broker(tmp_path: Path, mosquitto: ServerProcess) -> None:
    client = await asyncio.to_thread(publisher, mosquitto.port)
    config = {"stat_t": "pilot/t", "dev_cla": "temperature", "unit_of_meas": "°C"}
    client.publish(CONFIG.format("t"), json.dumps(config), qos=1, retain=True).wait_for_publish(10)
    names = 'names = { prefix = "homeassistant", node = "pilot" }'
    where = f'{{ transport = "mqtt", host = "127.0.0.1", port = {mosquitto.port}, {names} }}'
    one = site(tmp_path, device("one", where, profile="home-assistant", every="1 h", more=CHOSEN))
    try:
        async with listening(one) as (_, samples):
            await soon(lambda: 21.5 in values(samples, "one"), lambda: client.publish("pilot/t", "21.5"))
            client.publish(CONFIG.format("t"), json.dumps({**config, "stat_t": "pilot/t2"}), qos=1, retain=True)
            await soon(lambda: 4.25 in values(samples, "one"), lambda: client.publish("pilot/t2", "4.25"))
    finally:
        client.disconnect()
        client.loop_stop()
