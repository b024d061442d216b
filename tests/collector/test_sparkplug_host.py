"""The host on the wire: each packet that it sends, and the documentation's table of requirements."""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from vitrine.settings import Settings
from vitrine.sparkplug import DataType, Message, Topic, decode
from vitrine_collector.commands import limits_of
from vitrine_collector.commit import Commit
from vitrine_collector.host import Host
from vitrine_collector.inbox import Inbox, Incoming
from vitrine_collector.intake import Intake
from vitrine_collector.limits import Limits
from vitrine_collector.session import Broker
from vitrine_collector.store import Store

from .conftest import eventually
from .fake_gateway import Messages

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
ROWS = re.compile(r"^\| (`[a-zA-Z0-9-]+`(?:, `[a-zA-Z0-9-]+`)*) \| [^|]+ \| ([^|]*::[^|]*) \|$", re.MULTILINE)
CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
STATE = "spBv1.0/STATE/vitrine"


@dataclass(frozen=True)
class Packet:
    """One packet of MQTT 3.1.1: kind, flags of the first byte, body."""

    kind: int
    flags: int
    body: bytes

    def text_at(self, at: int) -> tuple[bytes, int]:
        (length,) = struct.unpack_from(">H", self.body, at)
        return self.body[at + 2 : at + 2 + length], at + 2 + length

    @property
    def published(self) -> tuple[str, bytes, int, bool]:
        """Topic, payload, QoS, retain."""
        topic, at = self.text_at(0)
        qos = self.flags >> 1 & 3
        return topic.decode(), self.body[at + 2 * bool(qos) :], qos, bool(self.flags & 1)


@dataclass
class Wire:
    """Answers as a broker does, and keeps every packet that comes."""

    packets: list[Packet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.close()
        self._thread.join(5)

    def of(self, kind: int) -> list[Packet]:
        return [packet for packet in list(self.packets) if packet.kind == kind]

    def _serve(self) -> None:
        try:
            peer, _ = self._server.accept()
        except OSError:
            return
        with peer, peer.makefile("rb") as stream:
            while packet := read_packet(stream):
                self.packets.append(packet)
                if packet.kind == CONNECT:
                    peer.sendall(bytes([0x20, 2, 0, 0]))
                elif packet.kind == SUBSCRIBE:
                    peer.sendall(bytes([0x90, 4]) + packet.body[:2] + bytes([0, 1]))
                elif packet.kind == PUBLISH and packet.flags >> 1 & 3:
                    _, at = packet.text_at(0)
                    peer.sendall(bytes([0x40, 2]) + packet.body[at : at + 2])


def read_packet(stream) -> Packet | None:
    first = stream.read(1)
    if not first:
        return None
    length, shift = 0, 0
    while True:
        (digit,) = stream.read(1)
        length, shift = length | (digit & 127) << shift, shift + 7
        if digit < 128:
            return Packet(first[0] >> 4, first[0] & 15, stream.read(length))


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def host(wire: Wire) -> Iterator[Host]:
    made = Host(Broker(host="127.0.0.1", port=wire.port), Inbox())
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    assert made.online.wait(10)
    eventually(lambda: wire.of(PUBLISH))
    yield made
    made.leave()
    thread.join(10)


def will(packet: Packet) -> tuple[str, dict, int, bool, bool]:
    """Topic, document, QoS and retain of a CONNECT's will, and whether it asks for a clean session."""
    assert packet.body[:7] == b"\0\4MQTT\4"
    flags = packet.body[7]
    _, at = packet.text_at(10)
    topic, at = packet.text_at(at)
    payload, _ = packet.text_at(at)
    return topic.decode(), json.loads(payload), flags >> 3 & 3, bool(flags & 32), bool(flags & 2)


@pytest.mark.usefixtures("host")
def test_the_will_of_the_host_is_its_death(wire: Wire) -> None:
    topic, document, qos, retained, clean = will(wire.of(CONNECT)[0])
    assert (topic, qos, retained, clean) == (STATE, 1, True, True)
    assert document["online"] is False
    assert abs(document["timestamp"] - time.time() * 1000) < 60_000
    assert set(document) == {"online", "timestamp"}


@pytest.mark.usefixtures("host")
def test_the_host_listens_before_it_is_born(wire: Wire) -> None:
    assert [packet.kind for packet in wire.packets[:3]] == [CONNECT, SUBSCRIBE, PUBLISH]
    first, at = wire.packets[1].text_at(2)
    second, at = wire.packets[1].text_at(at + 1)
    assert (first, second, wire.packets[1].body[at]) == (b"spBv1.0/#", STATE.encode(), 1)
    topic, payload, qos, retained = wire.packets[2].published
    assert (topic, qos, retained) == (STATE, 1, True)
    assert json.loads(payload) == {"online": True, "timestamp": will(wire.packets[0])[1]["timestamp"]}


def test_an_intended_end_says_the_death_before_the_connection_goes(wire: Wire, host: Host) -> None:
    born = json.loads(wire.of(PUBLISH)[0].published[1])["timestamp"]
    host.leave()
    eventually(lambda: wire.of(DISCONNECT))
    assert [packet.kind for packet in wire.packets[-2:]] == [PUBLISH, DISCONNECT]
    topic, payload, qos, retained = wire.packets[-2].published
    assert (topic, qos, retained) == (STATE, 1, True)
    assert json.loads(payload)["online"] is False
    assert json.loads(payload)["timestamp"] >= born


def test_a_rebirth_is_asked_for_by_name(wire: Wire, host: Host) -> None:
    assert host.ask_rebirth(("usine", "automate"))
    eventually(lambda: len(wire.of(PUBLISH)) == 2)
    topic, payload, qos, retained = wire.of(PUBLISH)[1].published
    assert Topic.parse(topic) == Topic("usine", Message.NCMD, "automate")
    assert (qos, retained) == (0, False)
    (metric,) = decode(payload).metrics
    assert (metric.name, metric.alias, metric.datatype, metric.value) == (
        "Node Control/Rebirth", None, DataType.BOOLEAN, True,
    )  # fmt: skip


class Desk:
    """An intake whose batches are written at once."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, threading.Event())
        self.intake = Intake(self.store, lambda batch: self.store.run(Commit(batch).proceed), Limits())

    def give(self, *messages: tuple[str, bytes]) -> None:
        for topic, payload in messages:
            self.intake.handle(Incoming(topic, payload, time.time()))
        self.intake.finish()


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    made = Desk(database_url)
    yield made
    made.store.close()


def test_the_death_of_a_device_has_the_time_that_it_states(desk: Desk, database: psycopg.Connection) -> None:
    messages = Messages()
    desk.give(messages.nbirth(), messages.dbirth())
    topic, payload = messages.ddeath()
    stated = decode(payload).timestamp
    assert stated is not None
    time.sleep(0.05)
    desk.give((topic, payload))
    row = database.execute("SELECT online, extract(epoch FROM changed_at) * 1000 FROM device").fetchone()
    assert row is not None
    assert (row[0], round(row[1])) == (False, stated)


def test_the_wait_for_a_missing_message_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITRINE_REORDER_SECONDS", "7.5")
    assert limits_of(Settings()).reorder_s == 7.5


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_example_of_a_foreign_node_is_taken(desk: Desk, database: psycopg.Connection, language: str) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", page(language), re.DOTALL)
    exec(block, {"publish": lambda topic, payload: desk.give((topic, payload))})  # our own page
    found = database.execute("SELECT path, unit, value FROM measurement JOIN channel USING (channel_id)").fetchall()
    assert found == [("compteur/flow", "m3/h", 12.5)]
    assert database.execute("SELECT count(*) FROM rejected").fetchone() == (0,)


def page(language: str) -> str:
    return (DOCS / language / "sparkplug-host.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_requirement_of_a_host_has_a_test(language: str) -> None:
    rows = ROWS.findall(page(language))
    told = [name for ids, _ in rows for name in re.findall(r"`([^`]+)`", ids)]
    assert sorted(told) == sorted(set(told)), "an id stands once"
    assert set(told) == set((HERE / "sparkplug_host_ids.txt").read_text().split())
    there = {
        f"{path.name}::{name}"
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    tests = {name for _, cell in rows for name in re.findall(r"`([^`]+)`", cell)}
    assert tests
    assert not tests - there
