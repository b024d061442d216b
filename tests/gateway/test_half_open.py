"""Connections that both ends believe in while nothing passes: a real network whose cables are pulled.

The gateway notices a mute line after three requests (a time-out each), a mute broker within twice the keep-alive, and
is back when the packets are, at the latest after its longest pause between two tries (15 s).
"""

import functools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from tests.servers.fixtures import available, short_folder
from tests.servers.mosquitto import mosquitto as run_mosquitto
from tests.servers.network import Network, switched_network
from vitrine_gateway.health.visitor import ask

from .host import Host, until
from .processes import end, start
from .sites import device, tcp, write_profile, write_site
from .test_agent import Counting, instrument, values_of
from .test_fault_matrix import QUEUE, agent, check, settle, told
from .test_mqtt_source import counted, installation, publisher

#: Longest pause between two tries of a line that does not open, and what a slow machine may add.
PAUSE_S, SLACK_S = 15.0, 15.0


@pytest.fixture
def network() -> Iterator[Network]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces with cables to pull need root: run the tests as root, as CI does")
    with available(), switched_network() as built:
        yield built


@contextmanager
def running(path: Path, folder: Path, port: int, address: str = "127.0.0.1") -> Iterator[Host]:
    """Run a gateway and a host application beside it."""
    host = Host(port, address=address)
    process = start(path, folder)
    try:
        yield host
    finally:
        end(process)
        host.close()


def health(folder: Path) -> dict[str, object]:
    return ask((folder / QUEUE).parent)


def uplink(folder: Path) -> dict[str, object]:
    found = health(folder)["uplink"]
    assert isinstance(found, dict)
    return found


def line(folder: Path) -> dict[str, object]:
    lines = health(folder)["lines"]
    assert isinstance(lines, list)
    return dict(lines[0])


def within(seconds: float, condition: Callable[[], bool], what: str) -> None:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


def more(host: Host, than: int) -> bool:
    return len(values_of(host)) > than


def test_uplink_that_lost_its_packets_is_noticed_and_taken_up_again(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keepalive_s = 2
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    with (
        short_folder() as folder,
        available(),
        run_mosquitto(folder, network=network) as broker,
        instrument(monkeypatch) as server,
    ):
        path = write_site(tmp_path, device("count", tcp(server.port), every="50 ms"), port=broker.port)
        where = f'host = "127.0.0.1", port = {broker.port}'
        text = path.read_text()
        assert where in text
        path.write_text(
            text.replace(where, f'host = "{network.far}", port = {broker.port}, keepalive = "{keepalive_s} s"')
        )
        with running(path, tmp_path, broker.port, network.side) as host:
            for cut, mend in ((network.cut, network.mend), (network.unplug, network.plug)):
                seen = len(values_of(host))
                until(functools.partial(more, host, seen + 20), 30)
                cut()
                within(2 * keepalive_s + SLACK_S, lambda: not uplink(tmp_path)["connected"], "the loss is noticed")
                before = server.count
                until(lambda before=before: server.count > before + 20, 30)
                mend()
                within(PAUSE_S + SLACK_S, lambda: bool(uplink(tmp_path)["connected"]), "the uplink is taken up again")
                settle(host, server)
            last = settle(host, server)
        check(host, last)
        assert not told(host)
        assert uplinks_born(tmp_path) == 3


def uplinks_born(folder: Path) -> int:
    lines = (folder / "gateway.log").read_text().splitlines()
    return sum(json.loads(line).get("event") == "uplink born" for line in lines if line.startswith("{"))


def test_line_that_lost_its_packets_is_noticed_and_opened_again(
    network: Network, tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switch in the middle, then the cable of the gateway, then a converter that restarts while it is cut off."""
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    listening = network.listen()
    port = listening.getsockname()[1]
    with instrument(monkeypatch, listening) as server:
        connection = f'{{ transport = "tcp", host = "{network.far}", port = {port}, unit = 1, timeout = "200 ms" }}'
        path = write_site(tmp_path, device("count", connection), port=broker.port)
        with running(path, tmp_path, broker.port) as host:
            for cut, mend, forget in (
                (network.cut, network.mend, lambda: None),
                (network.unplug, network.plug, lambda: None),
                (network.cut, network.mend, functools.partial(restart, server)),
            ):
                seen = len(values_of(host))
                until(functools.partial(more, host, seen + 10), 30)
                cut()
                within(3 * 0.2 + SLACK_S, lambda: not line(tmp_path)["connected"], "the loss is noticed")
                forget()
                seen = len(values_of(host))
                mend()
                within(PAUSE_S + SLACK_S, functools.partial(more, host, seen + 5), "values come again")
            settle(host, server)
            counts = line(tmp_path)
            last = settle(host, server)
        values = sorted(values_of(host).values())
        assert len(set(values)) == len(values), "a value came under two numbers"
        assert not told(host)
        # what the instrument answered while its answers could not come was never measured: three requests a cut
        assert last - len(values) <= 3 * 4
        reconnections = counts["reconnections"]
        assert isinstance(reconnections, int)
        assert reconnections >= 3


def restart(server: Counting) -> None:
    """Let a converter forget its connections; that it says so does not come through."""
    assert server.loop
    server.loop.call_soon_threadsafe(server.cut)
    time.sleep(0.2)


def test_sensors_whose_broker_cannot_be_heard_are_heard_in_full_afterwards(
    network: Network, tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitrine_gateway.mqtt.source._KEEPALIVE", 2)
    with short_folder() as folder, available(), run_mosquitto(folder, network=network) as sensors:
        path = installation(tmp_path, sensors.port, broker.port)
        path.write_text(
            path.read_text().replace(f'"127.0.0.1", port = {sensors.port}', f'"{network.far}", port = {sensors.port}')
        )
        host, client = Host(broker.port), publisher(sensors.port, network.side)
        sent = 0

        def publish(count: int) -> None:
            nonlocal sent
            for _ in range(count):
                sent += 1
                client.publish("site/a/101/count", str(sent), qos=1).wait_for_publish(10)

        def all_there() -> bool:
            return {value for value, _ in counted(host).values()} >= set(range(1, sent + 1))

        try:
            with agent(path, tmp_path / "data"):
                within(30, lambda: bool(host.messages) and sensors.subscribed("site/a/+/count"), "the gateway listens")
                client.publish("site/a/101/count", "0", qos=1).wait_for_publish(10)
                within(30, lambda: bool(counted(host)), "the sensor is heard")
                publish(10)
                within(30, all_there, "the sensor is heard")
                network.cut()
                publish(30)
                time.sleep(5)
                network.mend()
                within(PAUSE_S + SLACK_S, all_there, "what was said meanwhile is heard")
                publish(10)
                within(30, all_there, "the sensor is heard")
        finally:
            client.disconnect()
            client.loop_stop()
            host.close()
        assert sorted(value for value, _ in counted(host).values()) == list(range(sent + 1))
