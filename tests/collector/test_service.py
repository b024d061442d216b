"""The collector as a whole: the database that goes away, the start, the end, the host's STATE."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.model import Server
from tests.servers.process import ServerProcess
from vitrine.errors import ConfigurationError
from vitrine_collector.inbox import Inbox
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect

from .conftest import QUICK, eventually
from .fake_gateway import T0, FakeGateway, Messages

STATE = "spBv1.0/STATE/vitrine"


class Listener:
    """Hears what the host says of itself."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[dict[str, Any], bool]] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe(STATE, qos=1)
        self.client.on_message = lambda _client, _data, message: self.heard.append(
            (json.loads(message.payload), message.retain)
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def says(self, online: bool) -> bool:
        return bool(self.heard) and self.heard[-1][0]["online"] is online

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
        self.client.on_connect = self.client.on_message = None


@pytest.fixture
def listener(mosquitto: ServerProcess) -> Iterator[Listener]:
    made = Listener(mosquitto.port)
    yield made
    made.close()


@contextmanager
def database_away(server: Server, url: str) -> Iterator[None]:
    """Let nobody into the database, and end those who are in."""
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_nothing_is_acknowledged_while_the_database_is_away_and_nothing_is_lost(
    make_collector: Callable[[], Collector],
    make_gateway: Callable[..., FakeGateway],
    plain_server: Server,
    database_url: str,
) -> None:
    collector, gateway = make_collector(), make_gateway()
    gateway.give_birth()
    gateway.send(gateway.messages.ddata({"flow": 0.0}))
    assert gateway.wait_acknowledged(1)
    with database_away(plain_server, database_url):
        for index in range(1, 200):
            gateway.send(gateway.messages.ddata({"flow": float(index)}, time_ms=T0 + index))
        eventually(lambda: not collector.reachable)
        assert len(gateway.acknowledged) == 1
    assert gateway.wait_acknowledged(200, 40)
    with connect(database_url) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT value) FROM measurement").fetchone() == (200, 200)
        assert connection.execute("SELECT held::text, repeated FROM delivery").fetchone() == ("{[1,201)}", 0)


def test_births_wait_for_the_database_too(
    make_collector: Callable[[], Collector],
    make_gateway: Callable[..., FakeGateway],
    plain_server: Server,
    database_url: str,
) -> None:
    collector, gateway = make_collector(), make_gateway()
    with database_away(plain_server, database_url):
        gateway.give_birth()
        gateway.send(gateway.messages.ddata({"flow": 1.0}))
        eventually(lambda: collector.inbox and not collector.intake.counts["births"])
    assert gateway.wait_acknowledged(1, 40)


def test_a_full_inbox_takes_the_host_offline_until_there_is_room(
    database_url: str, mosquitto: ServerProcess, plain_server: Server, make_gateway: Callable[..., FakeGateway]
) -> None:
    broker = Broker(host="127.0.0.1", port=mosquitto.port)
    limits = replace(QUICK, batch_rows=5)
    collector = Collector(database_url, broker, limits, inbox=Inbox(max_messages=20), patience_s=0.1)
    collector.start()
    try:
        assert collector.host.online.wait(20)
        gateway = make_gateway()
        assert gateway.host_online.wait(20)
        gateway.give_birth()
        gateway.send(gateway.messages.ddata({"flow": 0.0}))
        assert gateway.wait_acknowledged(1)
        with database_away(plain_server, database_url):
            for index in range(1, 400):
                gateway.send(gateway.messages.ddata({"flow": float(index)}, time_ms=T0 + index))

            def flooded() -> bool:
                gateway.messages.record = 398
                gateway.send(gateway.messages.ddata({"flow": 399.0}, time_ms=T0 + 399))
                return not gateway.host_online.is_set()

            eventually(flooded)
            assert len(collector.inbox) <= 20
        assert gateway.host_online.wait(40)
        gateway.give_birth()
        # What was not acknowledged is sent again, as a gateway does; not more at a time than the collector takes.
        for index in range(1, 400):
            gateway.messages.record = index
            gateway.send(gateway.messages.ddata({"flow": float(index)}, time_ms=T0 + index))
            if index % 10 == 0:
                assert gateway.wait_acknowledged(index + 1, 40)
        assert gateway.wait_acknowledged(400, 40)
        with connect(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM measurement").fetchone() == (400,)
    finally:
        collector.stop()


def test_the_host_says_online_and_offline(
    make_collector: Callable[[], Collector], listener: Listener, mosquitto: ServerProcess
) -> None:
    collector = make_collector()
    eventually(lambda: listener.says(online=True))
    first = listener.heard[-1][0]["timestamp"]
    collector.stop()
    eventually(lambda: listener.says(online=False))
    assert listener.heard[-1][0]["timestamp"] >= first
    late = Listener(mosquitto.port)
    eventually(lambda: late.heard == [(listener.heard[-1][0], True)])
    late.close()


def test_the_host_contradicts_who_says_that_it_is_offline(
    make_collector: Callable[[], Collector], listener: Listener
) -> None:
    make_collector()
    eventually(lambda: listener.says(online=True))
    first = listener.heard[-1][0]
    listener.client.publish(STATE, json.dumps({"online": False, "timestamp": first["timestamp"]}), qos=1, retain=True)
    eventually(lambda: len(listener.heard) == 3)
    assert listener.heard[-1][0] == first
    newer = first["timestamp"] + 1
    listener.client.publish(STATE, json.dumps({"online": False, "timestamp": newer}), qos=1, retain=True)
    eventually(lambda: listener.says(online=True) and listener.heard[-1][0]["timestamp"] >= newer)


def test_a_broker_that_comes_back_is_found_again(
    make_collector: Callable[[], Collector],
    make_gateway: Callable[..., FakeGateway],
    mosquitto: ServerProcess,
) -> None:
    collector, gateway = make_collector(), make_gateway()
    gateway.give_birth()
    gateway.send(gateway.messages.ddata({"flow": 1.0}))
    assert gateway.wait_acknowledged(1)
    mosquitto.kill()
    eventually(lambda: not collector.host.online.is_set())
    mosquitto.start()
    assert collector.host.online.wait(40)
    again = make_gateway(Messages(epoch=gateway.messages.epoch))
    again.give_birth()
    again.send(again.messages.ddata({"flow": 2.0}, record=2, time_ms=T0 + 1))
    assert again.wait_acknowledged(1)


def test_a_missing_schema_says_what_to_do(plain_server: Server, mosquitto: ServerProcess) -> None:
    collector = Collector(plain_server.dsn, Broker(host="127.0.0.1", port=mosquitto.port))
    with pytest.raises(ConfigurationError, match="lacks what the collector writes to") as caught:
        collector.start()
    assert caught.value.hint == "Run: vitrine database migrate"


def test_an_end_is_possible_while_the_database_is_awaited(plain_server: Server) -> None:
    collector = Collector(plain_server.database("nowhere"), Broker(host="127.0.0.1", port=1))
    started: list[bool] = []
    starting = threading.Thread(target=lambda: started.append(collector.start()))
    starting.start()
    collector.request_stop()
    starting.join(30)
    assert started == [False]


def test_a_termination_writes_acknowledges_and_says_offline(
    database_url: str, mosquitto: ServerProcess, listener: Listener, make_gateway: Callable[..., FakeGateway]
) -> None:
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "VITRINE_BROKER_PORT": str(mosquitto.port),
        "VITRINE_LOG_FORMAT": "json",
        "VITRINE_BATCH_SECONDS": "30",
    }
    command = [sys.executable, "-c", "from vitrine.command import main; main()", "collector", "run"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        eventually(lambda: listener.says(online=True), 40)
        gateway = make_gateway()
        gateway.give_birth()
        gateway.send(gateway.messages.ddata({"flow": 1.0}))
        with connect(database_url) as connection:
            eventually(lambda: connection.execute("SELECT count(*) FROM channel").fetchone() == (2,))
        time.sleep(0.2)  # until the record has passed the broker as well
        process.send_signal(signal.SIGTERM)
        assert gateway.wait_acknowledged(1)
        assert process.wait(30) == 0
        eventually(lambda: listener.says(online=False))
    finally:
        process.kill()
        log = process.communicate()[1]
    events = [json.loads(line) for line in log.splitlines()]
    assert [event["event"] for event in events if event["event"] in ("online", "offline")] == ["online", "offline"]
