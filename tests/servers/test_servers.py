"""The test servers are what they say they are."""

import os
import queue
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.servers import apache, plain
from tests.servers.broker import Rumqttd
from tests.servers.fixtures import available, clone, template
from tests.servers.model import Server, Unavailable
from tests.servers.process import ServerProcess

EDITIONS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("plain", "apache", "community")]
START = datetime(2026, 1, 1, tzinfo=UTC)
LICENCES = {"apache": "apache", "community": "timescale"}


@pytest.fixture(params=EDITIONS)
def server(request: pytest.FixtureRequest) -> Server:
    found = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(found, Server)
    return found


def build(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE thing (time timestamptz NOT NULL, value float8)")
        if connection.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone():
            connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            connection.execute("SELECT create_hypertable('thing', by_range('time'))")
        connection.execute("INSERT INTO thing VALUES ('2026-01-01', 1)")


def scalar(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_answers(server: Server) -> None:
    assert str(scalar(server.dsn, "SELECT version()")).startswith("PostgreSQL 1")
    assert Path("/proc", str(server.pid)).is_dir()


def test_clones_are_apart(server: Server) -> None:
    source = template(server, "things", build)
    assert template(server, "things", build) is source
    with clone(server, source) as first:
        with psycopg.connect(first) as connection:
            connection.execute("INSERT INTO thing VALUES ('2026-02-01', 2)")
        assert scalar(first, "SELECT count(*) FROM thing") == 2
        if server.edition != "plain":
            assert scalar(first, "SELECT current_setting('timescaledb.license')") == LICENCES[server.edition]
    with clone(server, source) as second:
        assert scalar(second, "SELECT count(*) FROM thing") == 1


def test_copy_binary_and_conflict(server: Server) -> None:
    with clone(server, template(server, "things", build)) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        with connection.cursor().copy("COPY thing FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["timestamptz", "float8"])
            for day in range(5000):
                copy.write_row((START + timedelta(days=day), float(day)))
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (5001,)
        with (
            pytest.raises(psycopg.errors.NotNullViolation),
            connection.transaction(),
            connection.cursor().copy("COPY thing FROM STDIN") as copy,
        ):
            copy.write("\\N\t1\n")
        assert connection.execute("SELECT count(*) FROM thing").fetchone() == (5001,)


def test_roles_hold(server: Server) -> None:
    with clone(server, template(server, "things", build)) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DROP ROLE IF EXISTS onlooker")
            connection.execute("CREATE ROLE onlooker LOGIN")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scalar(dsn.replace("//postgres@", "//onlooker@"), "SELECT count(*) FROM thing")
        assert scalar(dsn, "SELECT current_user") == "postgres"


@pytest.mark.community
def test_community_edition_serves_one_connection(community_server: Server) -> None:
    refused = pytest.raises(psycopg.OperationalError, match="one connection at a time")
    with psycopg.connect(community_server.dsn), refused:
        psycopg.connect(community_server.dsn)
    with pytest.raises(ValueError, match="one database"):
        community_server.database("other")


@pytest.mark.community
def test_community_edition_has_rollups_and_columnstore(community_server: Server) -> None:
    source = template(community_server, "things", build)
    with clone(community_server, source) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS"
            " SELECT time_bucket('1 day', time) AS bucket, avg(value) FROM thing GROUP BY 1 WITH NO DATA"
        )
        connection.execute("CALL refresh_continuous_aggregate('daily', NULL, NULL)")
        assert connection.execute("SELECT count(*) FROM daily").fetchone() == (1,)
        connection.execute("ALTER TABLE thing SET (timescaledb.enable_columnstore)")
        connection.execute("CALL add_columnstore_policy('thing', after => interval '1 day')")
        job = "SELECT job_id FROM timescaledb_information.jobs WHERE hypertable_name = 'thing'"
        (number,) = connection.execute(job).fetchone() or (None,)
        connection.execute("CALL run_job(%s)", (number,))
        compressed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
        assert connection.execute(compressed).fetchone() == (1,)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vitrine-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.mark.parametrize("run", [plain.plain_server, apache.apache_server])
def test_comes_back_after_a_crash(run: Callable[[Path], AbstractContextManager[Server]], folder: Path) -> None:
    with available(), run(folder) as server:
        build(server.dsn)
        os.kill(server.pid, signal.SIGKILL)
    with run(folder) as again:
        assert again.dsn == server.dsn
        assert scalar(again.dsn, "SELECT count(*) FROM thing") == 1


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    missing = pytest.raises(Unavailable, match=r"bubblewrap is not installed; apt-get install bubblewrap")
    with missing, apache.apache_server(folder):
        pass
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="x; y"), available():
        raise Unavailable("x", "y")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="x; y"), available():
        raise Unavailable("x", "y")


def passes_a_message(port: int, version: MQTTProtocolVersion, payload: bytes) -> bool:
    received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.on_message = lambda _client, _data, message: received.put(bytes(message.payload))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.subscribe("a/b", qos=1)  # in order with what is published after it
        client.publish("a/b", payload, qos=1)
        return received.get(timeout=5) == payload
    finally:
        client.disconnect()
        client.loop_stop()


def test_mosquitto_comes_back_on_its_port(mosquitto: ServerProcess) -> None:
    assert passes_a_message(mosquitto.port, MQTTProtocolVersion.MQTTv311, b"before")
    mosquitto.kill()
    with pytest.raises(ConnectionRefusedError):
        mqtt.Client(CallbackAPIVersion.VERSION2).connect("127.0.0.1", mosquitto.port)
    mosquitto.start()
    assert passes_a_message(mosquitto.port, MQTTProtocolVersion.MQTTv5, b"after")


def test_rumqttd_comes_back_on_its_ports(broker: Rumqttd) -> None:
    large = os.urandom(3_000_000)
    assert passes_a_message(broker.port, MQTTProtocolVersion.MQTTv311, large)
    broker.kill()
    time.sleep(0.1)
    broker.start()
    assert passes_a_message(broker.port_v5, MQTTProtocolVersion.MQTTv5, b"after")
