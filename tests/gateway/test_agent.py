"""The whole gateway as a process: numbered values from the register to the host, whatever is killed in between."""

import asyncio
import itertools
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from vitrine.sparkplug import Message
from vitrine.uplink import DEVICES_FAILING, RECORD

from .host import Host, until
from .modbus_server import Server, modbus_server
from .processes import end, start
from .sites import device, tcp, write_profile, write_site


class Counting(Server):
    """Instruments whose register counts how often it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.loop = asyncio.get_running_loop()
        self.unit(1).spoil = self._next
        await super().serve(reader, writer)

    def _next(self, answer: bytes) -> bytes:
        self.count += 1
        return answer[:2] + self.count.to_bytes(4, "big")


@contextmanager
def instrument(monkeypatch: pytest.MonkeyPatch, listening: socket.socket | None = None) -> Iterator[Counting]:
    """Serve a counting instrument from a thread of its own, where `listening` is if that is given."""
    monkeypatch.setattr("tests.gateway.modbus_server.Server", Counting)
    loop, ready, server = asyncio.new_event_loop(), threading.Event(), []

    async def serve() -> None:
        async with modbus_server(listening=listening) as one:
            one.unit(1).holding = {0: 0, 1: 0}
            one.unit(2).silent = True
            server.append(one)
            ready.set()
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    try:
        yield server[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def values_of(host: Host) -> dict[int, float]:
    """Return the value of each record; a record that came twice must say the same twice."""
    found: dict[int, float] = {}
    for topic, payload in host.of(Message.DDATA):
        if topic.device == "count":
            number, value = host.value(payload, RECORD), host.value(payload, "n")
            assert isinstance(number, int)
            if isinstance(value, float):
                assert found.setdefault(number, value) == value
    return found


def test_counted_values_survive_kills_of_gateway_and_broker(
    tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    with instrument(monkeypatch) as server:
        path = write_site(tmp_path, device("count", tcp(server.port)), port=broker.port)
        process = start(path, tmp_path)
        host = Host(broker.port)
        try:
            until(lambda: len(host.records) > 5, 30)
            for victim in ("gateway", "broker", "gateway"):
                time.sleep(random.uniform(0.3, 0.8))
                if victim == "gateway":
                    end(process, signal.SIGKILL)
                    process = start(path, tmp_path)
                else:
                    broker.kill()
                    time.sleep(0.5)
                    broker.start()
                seen = len(host.records)
                until(lambda seen=seen: len(host.records) > seen + 5, 40)
            last = server.count
            # an answer that was on its way when the process was killed was never a record
            until(lambda: len(set(range(1, last + 1)) - set(values_of(host).values())) <= 2, 60)
        finally:
            end(process)
            host.close()
    values = values_of(host)
    assert len(set(values.values())) == len(values), "a value came under two numbers"
    assert process.returncode == 0


def test_starts_with_dead_devices_and_names_them(
    tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    with instrument(monkeypatch) as server:
        path = write_site(
            tmp_path,
            device("count", tcp(server.port)),
            device("dead", tcp(server.port, unit=2, timeout="100 ms")),
            device("away", tcp(1)),
            port=broker.port,
        )
        process = start(path, tmp_path)
        host = Host(broker.port)
        try:
            until(lambda: _failing(host), 30)
            until(lambda: len(values_of(host)) > 5, 30)
        finally:
            end(process)
            host.close()
    assert "no answer" in _failing(host)
    assert '"away": "cannot connect' in _failing(host)
    numbers = sorted(set(host.records))
    assert [second - first for first, second in itertools.pairwise(numbers)] == [1] * (len(numbers) - 1)
    assert host.of(Message.NDEATH)


def _failing(host: Host) -> str:
    told = [text for _, payload in host.of(Message.NDATA) if (text := host.value(payload, DEVICES_FAILING))]
    return str(told[-1]) if told and "dead" in str(told[-1]) else ""


def test_agent_stays_light() -> None:
    code = "import sys, vitrine_gateway.process; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "pydantic", "rich", "typer", "fastapi", "psycopg", "pyarrow", "importlib.metadata"}
    assert not heavy & set(modules)


@pytest.mark.parametrize("option", ["--log-level=loud", "--log-format=xml"])
def test_wrong_option_is_told_in_words(tmp_path: Path, option: str) -> None:
    program = Path(sys.executable).with_name("vitrine")
    done = subprocess.run([program, "gateway", "run", tmp_path, option], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert option.split("=")[1] in done.stderr
    assert "Traceback" not in done.stderr
