"""The collector's own page: whether it lives, whether it is ready and what it lacks, its numbers."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable

import psycopg
import pytest

from tests.servers.model import Server
from tests.servers.process import ServerProcess
from vitrine.errors import ConfigurationError
from vitrine_collector.health import serve_health
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker

from .conftest import eventually
from .test_service import database_away


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def lacks(port: int) -> set[str]:
    status, body = ask(port, "/health/ready")
    told = json.loads(body)
    assert (status == 200) is (told["status"] == "ok") is (not told["lacks"])
    return set(told["lacks"])


def test_it_is_ready_with_broker_and_database_and_says_which_is_away(
    make_collector: Callable[[], Collector], mosquitto: ServerProcess, plain_server: Server, database_url: str
) -> None:
    collector = make_collector()
    port = serve_health(collector, 0)
    eventually(lambda: lacks(port) == set())
    assert ask(port, "/health/live") == (200, '{"status": "ok", "lacks": {}}')
    assert "vitrine_collector_database 1.0" in ask(port, "/metrics")[1]
    with database_away(plain_server, database_url):
        eventually(lambda: lacks(port) == {"database"})
        assert ask(port, "/health/live")[0] == 200
    eventually(lambda: lacks(port) == set(), timeout=40)
    mosquitto.kill()
    eventually(lambda: "broker" in lacks(port))
    mosquitto.start()
    eventually(lambda: lacks(port) == set(), timeout=60)


def test_what_ended_its_work_is_said(
    make_collector: Callable[[], Collector], monkeypatch: pytest.MonkeyPatch, database: psycopg.Connection
) -> None:
    collector = make_collector()
    port = serve_health(collector, 0)

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(collector.intake, "tick", broken)
    eventually(lambda: ask(port, "/health/live")[0] == 503)
    assert json.loads(ask(port, "/health/live")[1])["lacks"] == {"collector": "RuntimeError: a mistake of ours"}
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        collector.wait()
    monkeypatch.setattr(collector, "stop", lambda: None)  # it has ended


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"the port {port} for metrics cannot be used"):
            serve_health(Collector("postgresql:///nowhere", Broker(host="127.0.0.1", port=1)), port)
