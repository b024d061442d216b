"""What systemd hears: ready, signs of life as long as the readings go round, and the end."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.servers.broker import Rumqttd
from vitrine_gateway.commands import gateway
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.service_manager import ServiceManager

from .processes import end, start
from .sites import device, site, tcp, write_profile, write_site
from .test_agent import instrument


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify.sock"))
        link.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify.sock"))
        yield link


def words(link: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in link.recv(4096).decode().splitlines())


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ServiceManager().tell("READY=1")


def test_a_stuck_reading_ends_the_signs_of_life(heard: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    stuck: list[str] = []

    async def follow() -> list[dict[str, str]]:
        manager = ServiceManager()
        assert manager.beat_s == 0.02
        watching = asyncio.create_task(manager.watch(lambda: stuck, lambda: "well"))
        found = [await asyncio.to_thread(words, heard) for _ in range(2)]
        stuck.append("pump")
        while "stuck" not in (told := await asyncio.to_thread(words, heard))["STATUS"]:
            pass
        watching.cancel()
        return [*found, told]

    ready, alive, held = asyncio.run(follow())
    assert ready == {"READY": "1", "STATUS": "well"}
    assert alive == {"WATCHDOG": "1", "STATUS": "well"}
    assert held == {"STATUS": "stuck: pump"}


def test_a_device_is_stuck_when_its_turn_does_not_come_round(tmp_path: Path) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    instruments = Instruments(site(tmp_path, device("one", tcp(1))), lambda _: True)
    assert instruments.stuck() == []
    instruments._turns["one"] = -1e6
    assert instruments.stuck() == ["one"]


def test_the_whole_gateway_says_ready_and_its_status_can_be_asked(
    tmp_path: Path, broker: Rumqttd, heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    with instrument(monkeypatch) as server:
        path = write_site(tmp_path, device("count", tcp(server.port)), port=broker.port)
        process = start(path, tmp_path)
        try:
            assert words(heard)["READY"] == "1"
            assert words(heard)["WATCHDOG"] == "1"
            arguments = ["status", str(path), "--data-dir", str(tmp_path / "data")]
            told = CliRunner().invoke(gateway, arguments, env={"LC_ALL": "en"})
            assert told.exit_code == 0, told.output
            assert "count" in told.stdout
            assert "Clock" in told.stdout
        finally:
            end(process, signal.SIGTERM)
        while "STOPPING" not in words(heard):
            pass
    gone = CliRunner().invoke(gateway, arguments, env={"LC_ALL": "en"})
    assert gone.exit_code == 1
    assert "no gateway answers" in str(gone.exception)
