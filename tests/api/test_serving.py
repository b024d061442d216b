"""The real server: live values, transfers that are cut, and an end in good order."""

import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.api.serving import Served, serving

pytestmark = pytest.mark.plain
LIVE = "/api/v1/installations/pilote-uf/live"


@pytest.fixture
def served(url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(url, tmp_path) as running:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{running.url}/health/ready").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        yield running


def events(lines: Iterator[str]) -> Iterator[dict]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            assert name == "latest"
            yield json.loads(line.removeprefix("data: "))


def count(url: str, statement: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchone()[0]


def test_live_values_begin_with_what_is_known_and_go_on_with_what_changes(served: Served, url: str):
    with httpx.stream("GET", served.url + LIVE, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        told = events(answer.iter_lines())
        assert [(event["path"], event["value"], event["quality"]) for event in (next(told), next(told))] == [
            ("feed/flow", 899.875, 1),
            ("feed/level", None, 9),
        ]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE latest SET time = time + interval '1 s', value = 12.5 WHERE channel_id = 1")
        event = next(told)
        assert (event["channel_id"], event["value"], event["time"]) == (1, 12.5, "2026-11-01T02:00:01Z")


def test_many_listeners_share_one_connection_to_the_database(served: Served, url: str):
    with httpx.Client(base_url=served.url, timeout=10) as client:
        streams = [client.stream("GET", LIVE) for _ in range(20)]
        answers = [stream.__enter__() for stream in streams]
        for answer in answers:
            assert next(events(answer.iter_lines()))["channel_id"] == 1
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vitrine-api'"
        assert count(url, sessions) <= 2
        for stream in streams:
            stream.__exit__(None, None, None)


def test_the_server_stops_although_someone_listens_and_leaves_no_connection(served: Served, url: str):
    with httpx.stream("GET", served.url + LIVE, timeout=10) as answer:
        lines = answer.iter_lines()
        next(events(lines))
        served.process.send_signal(signal.SIGTERM)
        for _ in lines:
            pass  # the stream ends whole, or httpx would raise
    # A server that waited for its listeners would need its whole grace, and be killed here.
    assert served.process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert count(url, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'vitrine-%'") == 0


def test_a_reader_that_goes_away_gives_its_connection_back(served: Served, url: str):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO measurement SELECT timestamptz '2026-06-01Z' + i * interval '1 s', 1, i, 1, 0 "
            "FROM generate_series(0, 1000000) i"
        )
    path = "/api/v1/installations/pilote-uf/measurements?format=csv&from=2026-06-01T00:00:00Z&to=2026-11-01T00:00:00Z"
    with httpx.stream("GET", served.url + path, timeout=30) as answer:
        next(answer.iter_bytes())
    exports = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vitrine-export'"
    deadline = time.monotonic() + 20
    while count(url, exports) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count(url, exports) == 0


def test_headers_of_a_real_answer(served: Served):
    answer = httpx.get(f"{served.url}/api/v1/installations")
    assert "server" not in answer.headers
    assert re.search(r"default-src 'self'", answer.headers["content-security-policy"])


def test_a_port_in_use_is_said_clearly(url: str, tmp_path: Path):
    from vitrine.errors import ConfigurationError
    from vitrine_api.server import listen

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"the port {port} of 127.0.0.1 is already in use") as told:
            listen("127.0.0.1", port)
    assert f"--port {port + 1}" in told.value.hint


def test_an_unknown_host_is_said_clearly():
    from vitrine.errors import ConfigurationError
    from vitrine_api.server import listen

    with pytest.raises(ConfigurationError, match=r"host\.invalid"):
        listen("host.invalid", 0)
