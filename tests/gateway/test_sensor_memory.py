"""What is known of a sensor's messages outlives a kill, also where the queue holds none of them any more."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from tests.servers.process import ServerProcess
from vitrine.ranges import Ranges
from vitrine_gateway.mqtt.deliveries import Deliveries, origin_of
from vitrine_gateway.mqtt.memory import Memory
from vitrine_gateway.queue import Queue
from vitrine_gateway.record import Record, Value
from vitrine_gateway.record_bytes import encode

from .host import Host, until
from .processes import end, start
from .sites import device, write_site
from .test_mqtt_source import counted, publisher

PROFILE = """
manufacturer = "Maker"
model = "Counter"
name = { fr = "Compteur", en = "Counter" }
protocol = "mqtt"
[[source]]
document = "Manual"
evidence = "manual"
[mqtt]
topic = "site/count"
[mqtt.time]
path = "t"
format = "unix_ms"
[[channel]]
key = "n"
name = { fr = "Compte", en = "Count" }
unit = "1"
quantity = "count"
decimals = 0
path = "n"
"""
SENSORS = frozenset({"count"})


def test_retained_message_is_taken_once_whatever_is_killed(
    tmp_path: Path, mosquitto: ServerProcess, broker: Rumqttd
) -> None:
    (tmp_path / "own.toml").write_text(PROFILE)
    where = f'{{ transport = "mqtt", host = "127.0.0.1", port = {mosquitto.port} }}'
    path = write_site(tmp_path, device("count", where, every="1 h"), port=broker.port)
    now = time.time_ns() // 1_000_000
    process = start(path, tmp_path)
    host, client = Host(broker.port), publisher(mosquitto.port)

    def publish(number: int, later_s: int, *, retain: bool, qos: int = 1) -> None:
        body = json.dumps({"n": number, "t": now + 1000 * later_s})
        client.publish("site/count", body, qos=qos, retain=retain).wait_for_publish(10)

    def wait_for(number: int) -> None:
        until(lambda: number in {value for value, _ in counted(host).values()}, 30)

    try:
        until(lambda: host.connected.is_set() and host.messages, 30)
        publish(1, 0, retain=True)
        wait_for(1)
        end(process, signal.SIGKILL)
        process = start(path, tmp_path)
        publish(2, 10, retain=False)
        wait_for(2)
        end(process, signal.SIGKILL)
        # The broker holds no more than this one, which is older than what is recorded, for a client that is away
        publish(3, 5, retain=True, qos=0)
        process = start(path, tmp_path)
        publish(4, 20, retain=False)
        wait_for(4)
    finally:
        end(process)
        client.disconnect()
        client.loop_stop()
        host.close()
    assert sorted(value for value, _ in counted(host).values()) == [1, 2, 4]


def fill(queue: Queue, deliveries: Deliveries, memory: Memory, count: int) -> None:
    """Keep messages as the gateway does, and let the platform acknowledge them at once."""
    for _ in range(count):
        number = queue.last_number + 1
        origin = origin_of("session", number, "site/count", b"%d" % number)
        record = Record("count", bytes(16), 0, "rtc", (Value("n", 1_000_000 + number, 1.0, 0),), origin)
        queue.append(encode(record), record.last_ms)
        deliveries.remember([("count", origin)])
        deliveries.newest["count"] = record.last_ms
        memory.upto = number
        queue.settle(Ranges([(1, number)]))


def opened(folder: Path) -> tuple[Queue, Deliveries, Memory]:
    deliveries = Deliveries()
    memory = Memory(folder / "sensors.json", folder / "queue", deliveries, SENSORS)
    queue = Queue(folder / "queue", max_bytes=1_000_000, boot="a", segment_bytes=2000, before_removal=memory.keep)
    return queue, deliveries, memory


@pytest.mark.parametrize("count", [1, 7, 200])
def test_what_the_queue_gave_away_is_known_after_a_kill(count: int, tmp_path: Path) -> None:
    queue, deliveries, memory = opened(tmp_path)
    fill(queue, deliveries, memory, count)
    held = [number for number in range(1, count + 1) if queue.read([number])]
    assert count < 10 or len(held) < count / 2, "the queue holds what it should not"
    queue.close()

    queue, deliveries, _ = opened(tmp_path)
    queue.close()
    assert deliveries.newest == {"count": 1_000_000 + count}
    for number in range(max(1, count - 99), count + 1):
        assert deliveries.is_kept("count", origin_of("session", number, "site/count", b"%d" % number)), number


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"upto": "x", "newest": {}, "deliveries": []}', "\0\0"])
def test_file_that_is_damaged_costs_no_more_than_what_it_said(text: str, tmp_path: Path) -> None:
    queue, deliveries, memory = opened(tmp_path)
    fill(queue, deliveries, memory, 60)
    queue.close()
    (tmp_path / "sensors.json").write_text(text)
    queue, deliveries, _ = opened(tmp_path)
    queue.close()
    assert deliveries.newest == {"count": 1_000_060}
