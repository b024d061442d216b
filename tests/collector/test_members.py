"""Several collectors: each node is the business of one, and the death of one is made good by the others."""

import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.servers.process import ServerProcess
from vitrine_collector.members import Members, responsible
from vitrine_collector.service import Collector
from vitrine_database.connection import connect

from .conftest import eventually
from .fake_gateway import T0, FakeGateway, Messages

NODES = [("essai", f"pi-{number}") for number in range(300)]


def test_nodes_are_shared_evenly_and_only_those_of_the_dead_move():
    alive = tuple(sorted(uuid.UUID(int=number * 7919 + 5) for number in range(4)))
    before = {node: responsible(alive, node) for node in NODES}
    counts = Counter(before.values())
    assert set(counts) == set(alive)
    assert min(counts.values()) > 40
    dead, *others = alive
    after = {node: responsible(tuple(others), node) for node in NODES}
    assert {node for node in NODES if before[node] != after[node]} == {node for node in NODES if before[node] == dead}


@pytest.mark.plain
def test_the_silent_are_dead_and_who_leaves_is_gone_at_once(database):
    one, other = Members(), Members()
    one.beat(database)
    other.beat(database)
    one.beat(database)
    assert set(one.alive) == {one.me, other.me}
    assert {one.mine(node) for node in NODES} == {True, False}
    database.execute("UPDATE collector SET seen_at = now() - interval '8 s' WHERE collector_id = %s", [other.me])
    one.beat(database)
    assert one.alive == (one.me,)
    assert all(one.mine(node) for node in NODES)
    other.beat(database)
    other.leave(database)
    one.beat(database)
    assert one.alive == (one.me,)


@pytest.fixture
def other_collector(database_url: str, mosquitto: ServerProcess) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "VITRINE_DATABASE_URL": database_url,
        "VITRINE_BROKER_HOST": "127.0.0.1",
        "VITRINE_BROKER_PORT": str(mosquitto.port),
    }
    code = "from vitrine_collector.commands import collector; collector()"
    process = subprocess.Popen([sys.executable, "-c", code, "run"], env=environment, stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def shares(collector: Collector) -> tuple[list[str], list[str]]:
    """Return the names of four installations of this collector and of four of the other."""
    names = [f"essai-{number}" for number in range(100)]
    mine = [name for name in names if collector.members.mine((name, "pi-1"))]
    return mine[:4], [name for name in names if name not in mine][:4]


def send_until_acknowledged(gateway: FakeGateway) -> None:
    """Send the second record again and again, as a gateway does."""
    for _ in range(15):
        gateway.send(gateway.messages.ddata({"flow": 2.0}, time_ms=T0 + 1000, record=2))
        if gateway.wait_acknowledged(2, 2):
            return
    pytest.fail(f"{gateway.messages.group} was not acknowledged")


@pytest.mark.plain
def test_two_share_the_load_and_one_survives_the_death_of_the_other(
    make_collector: Callable[[], Collector],
    make_gateway: Callable[..., FakeGateway],
    database_url: str,
    other_collector: subprocess.Popen[bytes],
):
    collector = make_collector()
    eventually(lambda: len(collector.members.alive) == 2)
    mine, others = shares(collector)
    gateways = [make_gateway(Messages(group=name, marked=True)) for name in (*mine, *others)]
    for gateway in gateways:
        gateway.give_birth()
        gateway.send(gateway.messages.ddata({"flow": 1.0}))
    assert all(gateway.wait_acknowledged(1) for gateway in gateways)
    assert collector.intake.counts["records"] == len(mine)
    assert collector.intake.counts["others"] >= 3 * len(others)

    other_collector.send_signal(signal.SIGKILL)
    other_collector.wait()
    for gateway in gateways:
        gateway.send(gateway.messages.ddata({"flow": 2.0}, time_ms=T0 + 1000))
    eventually(lambda: len(collector.members.alive) == 1, 30)
    for gateway in gateways:
        send_until_acknowledged(gateway)
    assert [gateway.rebirths for gateway in gateways] == [0] * 8, "what their births stand for is kept"
    with connect(database_url) as connection:
        counted = "SELECT count(*), count(DISTINCT (channel_id, time)) FROM measurement"
        assert connection.execute(counted).fetchone() == (16, 16)
        assert connection.execute("SELECT count(*) FROM gateway WHERE online").fetchone() == (8,)
