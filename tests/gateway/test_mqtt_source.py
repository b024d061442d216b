"""Sensors behind a real broker: persistent session, acknowledged after the commit, known again after a kill."""

import random
import signal
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.broker import Rumqttd
from tests.servers.fixtures import available
from tests.servers.mosquitto import Mosquitto
from tests.servers.mosquitto import mosquitto as run_mosquitto
from vitrine.quality import Test
from vitrine.sparkplug import Message
from vitrine.uplink import RECORD, TESTS
from vitrine_gateway.mqtt.subscriptions import Subscriptions

from .host import Host, until
from .processes import end, start
from .sites import device, write_site

PROFILE = """
manufacturer = "Maker"
model = "Counter"
name = { fr = "Compteur", en = "Counter" }
protocol = "mqtt"
[[source]]
document = "Manual"
evidence = "manual"
[mqtt]
topic = "site/{building}/{room}/count"
[[mqtt.availability]]
topic = "site/{building}/{room}/state"
[[channel]]
key = "n"
name = { fr = "Compte", en = "Count" }
unit = "1"
quantity = "count"
decimals = 0
path = "$"
"""


def installation(folder: Path, port: int, uplink: int) -> Path:
    (folder / "own.toml").write_text(PROFILE)
    where = f'{{ transport = "mqtt", host = "127.0.0.1", port = {port}, names = {{ building = "a", room = "+" }} }}'
    return write_site(folder, device("count", where, every="1 h"), port=uplink)


def publisher(port: int, address: str = "127.0.0.1") -> paho.Client:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.reconnect_delay_set(1, 1)
    client.connect(address, port)
    client.loop_start()
    return client


def counted(host: Host) -> dict[int, tuple[float, int]]:
    """Return value and tests of each record."""
    found = {}
    for _, payload in host.of(Message.DDATA):
        number, value = host.value(payload, RECORD), host.value(payload, "n")
        if isinstance(number, int) and isinstance(value, float):
            metric = next(one for one in payload.metrics if host.name(one) == "n")
            tests = metric.properties[TESTS].value if TESTS in metric.properties else 0
            assert isinstance(tests, int)
            found[number] = (value, tests)
    return found


def test_nothing_is_lost_or_doubled_when_the_gateway_is_killed(
    tmp_path: Path, mosquitto: Mosquitto, broker: Rumqttd
) -> None:
    path = installation(tmp_path, mosquitto.port, broker.port)
    process = start(path, tmp_path)
    host, client = Host(broker.port), publisher(mosquitto.port)
    sent = 0

    def publish(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            sent += 1
            client.publish("site/a/101/count", str(sent), qos=1)
            time.sleep(0.002)

    try:
        until(lambda: host.of(Message.DBIRTH) and mosquitto.subscribed("site/a/+/count"), 30)
        client.publish("site/a/101/count", "0", qos=1)
        until(lambda: counted(host), 30)
        for _ in range(3):
            publish(random.randint(30, 80))
            end(process, signal.SIGKILL)
            publish(25)
            process = start(path, tmp_path)
            publish(20)
            until(lambda: {value for value, _ in counted(host).values()} == set(range(sent + 1)), 60)
        publish(1)
        until(lambda: sent in {value for value, _ in counted(host).values()}, 30)
    finally:
        end(process)
        client.disconnect()
        client.loop_stop()
        host.close()
    values = [value for value, _ in counted(host).values()]
    assert sorted(values) == list(range(sent + 1)), "a message came under two records, or under none"
    waited = {value for value, tests in counted(host).values() if tests & Test.TIME_UNCERTAIN}
    assert waited, "what waited in the broker has no known time"
    assert sent not in waited, "what comes live has one"


def test_sensor_that_says_it_is_offline_is_missing_at_once(
    tmp_path: Path, mosquitto: Mosquitto, broker: Rumqttd
) -> None:
    path = installation(tmp_path, mosquitto.port, broker.port)
    process = start(path, tmp_path)
    host, client = Host(broker.port), publisher(mosquitto.port)
    try:
        until(lambda: host.of(Message.DBIRTH) and mosquitto.subscribed("site/a/+/count"), 30)
        client.publish("site/a/101/count", "7", qos=1)
        until(lambda: counted(host), 30)
        client.publish("site/a/101/state", '{"state": "offline"}', qos=1, retain=True)
        until(lambda: "offline, says site/a/101/state" in _log_of_failures(host), 30)
    finally:
        end(process)
        client.disconnect()
        client.loop_stop()
        host.close()


@pytest.mark.parametrize("old", ["+", "101"], ids=["wildcard", "one topic"])
def test_session_gives_up_topics_that_the_file_does_not_name_any_more(
    tmp_path: Path, broker: Rumqttd, old: str
) -> None:
    with available(), run_mosquitto(tmp_path, ["allow_anonymous true", "log_type all"]) as sensors:
        path = installation(tmp_path, sensors.port, broker.port)
        now = path.read_text()
        path.write_text(now.replace('room = "+"', f'room = "{old}"'))
        process = start(path, tmp_path)
        host, client = Host(broker.port), publisher(sensors.port)
        try:
            until(lambda: host.of(Message.DBIRTH) and sensors.subscribed(f"site/a/{old}/count"), 30)
            client.publish("site/a/101/count", "1", qos=1)
            until(lambda: counted(host), 30)
            end(process)
            path.write_text(now.replace('room = "+"', 'room = "102"'))
            process = start(path, tmp_path)
            until(lambda: f"\tsite/a/{old}/count\n" in sensors.log.read_text().partition("UNSUBSCRIBE")[2], 30)
            until(lambda: sensors.subscribed("site/a/102/count"), 30)
            client.publish("site/a/101/count", "2", qos=1)
            client.publish("site/a/102/count", "3", qos=1)
            until(lambda: 3 in {value for value, _ in counted(host).values()}, 30)
        finally:
            end(process)
            client.disconnect()
            client.loop_stop()
            host.close()
        assert sorted(value for value, _ in counted(host).values()) == [1, 3]


def test_file_of_subscriptions_that_is_damaged_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.json"
    for text in ("{", "[]", '{"a": 1}'):
        path.write_text(text)
        assert Subscriptions(path).stale("a", ["t"]) == []
    Subscriptions(path).keep("a", ["t", "u"])
    assert Subscriptions(path).stale("a", ["u"]) == ["t"]


def _log_of_failures(host: Host) -> str:
    return " ".join(str(one.value) for _, payload in host.messages for one in payload.metrics if one.value)


@pytest.mark.parametrize("old", [False, True], ids=["mqtt5", "mqtt3"])
def test_subscribes_again_when_the_broker_returns(
    tmp_path: Path, mosquitto: Mosquitto, broker: Rumqttd, old: bool
) -> None:
    sensors = broker if old else mosquitto
    path = installation(tmp_path, sensors.port, broker.port)
    process = start(path, tmp_path)
    host, client = Host(broker.port), publisher(sensors.port)
    try:
        for value in (1, 2):
            seen = {value for value, _ in counted(host).values()}
            deadline = time.monotonic() + 60
            while value not in seen and time.monotonic() < deadline:
                client.publish("site/a/101/count", str(value), qos=1)
                time.sleep(0.3)
                seen = {value for value, _ in counted(host).values()}
            assert value in seen
            if value == 1:
                sensors.kill()
                sensors.start()
    finally:
        end(process)
        client.disconnect()
        client.loop_stop()
        host.close()
