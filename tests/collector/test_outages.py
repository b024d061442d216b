"""The database away for an hour, and its disk full: nothing lost, nothing doubled, nothing stuck."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.servers.model import Server
from tests.servers.process import ServerProcess
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect
from vitrine_database.migration import migrate

from .conftest import QUICK, eventually
from .fake_gateway import T0, FakeGateway
from .test_service import database_away

HOUR_S = 3600
_SMALL_DISK = """
set -e
mount -t tmpfs -o size=160m,mode=0755 tmpfs "$1"
exec "$2" -m tests.servers.small_disk "$1"
"""


def test_a_database_away_for_an_hour(
    make_collector: Callable[[], Collector],
    make_gateway: Callable[..., FakeGateway],
    plain_server: Server,
    database_url: str,
) -> None:
    """An hour of samples comes in at once, in order, doubled and late, while nobody can write."""
    make_collector()
    gateway = make_gateway()
    gateway.give_birth()
    sent = [gateway.messages.ddata({"flow": float(second)}, time_ms=T0 + 1000 * second) for second in range(HOUR_S)]
    with database_away(plain_server, database_url):
        for message in sent:
            gateway.send_soon(message)
        for record in (*range(HOUR_S, HOUR_S - 50, -1), *range(1, 51)):  # what had no answer is sent again
            again = gateway.messages.ddata(
                {"flow": float(record - 1)}, record=record, time_ms=T0 + 1000 * (record - 1), historical=True
            )
            gateway.send(again)
        assert not gateway.acknowledged
    assert gateway.wait_acknowledged(HOUR_S, 60)
    with connect(database_url) as connection:
        row = connection.execute("SELECT count(*), count(DISTINCT value), max(value) FROM measurement").fetchone()
        assert row == (HOUR_S, HOUR_S, HOUR_S - 1)
        assert connection.execute("SELECT held::text FROM delivery").fetchone() == (f"{{[1,{HOUR_S + 1})}}",)
        assert connection.execute("SELECT count(*) FROM rejected").fetchone() == (0,)


class SmallDisk:
    """A server whose disk can be filled."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SMALL_DISK, "sh", folder, sys.executable],
            cwd=root,
            env=os.environ | {"PYTHONPATH": str(root)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._answer()

    def ask(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        assert self._answer() == "done"

    def close(self) -> None:
        self._process.communicate(timeout=60)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        assert answer, "the server on the small disk did not start"
        return answer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root can mount a small file system for PostgreSQL (run as root, with util-linux)")
    # With a space in its name, its socket lies outside, where this process sees it too
    disk = SmallDisk(tmp_path / "small disk")
    yield disk
    disk.close()


def test_a_full_disk(small_disk: SmallDisk, mosquitto: ServerProcess, make_gateway: Callable[..., FakeGateway]) -> None:
    migrate(small_disk.url)
    collector = Collector(small_disk.url, Broker(host="127.0.0.1", port=mosquitto.port), QUICK)
    collector.start()
    try:
        assert collector.host.online.wait(20)
        gateway = make_gateway()
        gateway.give_birth()
        gateway.send(gateway.messages.ddata({"flow": 0.0}))
        assert gateway.wait_acknowledged(1)
        small_disk.ask("fill")
        number = 0

        def refused() -> bool:
            nonlocal number
            for _ in range(200):
                number += 1
                gateway.send_soon(gateway.messages.ddata({"flow": float(number)}, time_ms=T0 + number))
            return not collector.reachable

        eventually(refused, 60)
        assert len(gateway.acknowledged) < number + 1
        small_disk.ask("clear")
        assert gateway.wait_acknowledged(number + 1, 60)
        with psycopg.connect(small_disk.url) as connection:
            row = connection.execute("SELECT count(*), count(DISTINCT value) FROM measurement").fetchone()
            assert row == (number + 1, number + 1)
            assert connection.execute("SELECT count(*) FROM rejected").fetchone() == (0,)
    finally:
        collector.stop()
