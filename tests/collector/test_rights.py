"""The collector and the worker do all their work with the rights of vitrine_writer alone."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from tests.servers.templates import clone, template
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database import retention, rollup
from vitrine_database.connection import connect
from vitrine_database.migration import migrate
from vitrine_evaluation import indicators, jobs
from vitrine_evaluation.dataset import request as datasets

from .conftest import QUICK, eventually
from .fake_gateway import FakeGateway, Messages

DAY_MS = 86_400_000


@pytest.fixture(
    params=[pytest.param("plain", marks=pytest.mark.plain), pytest.param("apache", marks=pytest.mark.apache)]
)
def owner(request: pytest.FixtureRequest) -> Iterator[str]:
    server = request.getfixturevalue(f"{request.param}_server")
    with clone(server, template(server, "migrated", migrate)) as url:
        yield url


def as_writer(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options={quote('-c role=vitrine_writer')}"


def one(connection: psycopg.Connection, statement: str) -> object:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def test_a_collector_and_a_worker_with_the_rights_of_a_writer(owner: str, mosquitto) -> None:
    url = as_writer(owner)
    with connect(url) as connection:
        assert one(connection, "SELECT current_user") == "vitrine_writer"
    collector = Collector(url, Broker(host="127.0.0.1", port=mosquitto.port), QUICK)
    collector.start()
    try:
        assert collector.host.online.wait(20)
        gateway = FakeGateway(mosquitto.port, Messages())
        gateway.give_birth()
        yesterday = int(time.time() * 1000) // DAY_MS * DAY_MS - DAY_MS
        for index in range(120):
            moment = yesterday + 60_000 * index
            gateway.send(gateway.messages.ddata({"flow": 1.5 + index, "pressure": None}, time_ms=moment))
        gateway.send(("spBv1.0/pilote/DDATA/pi-1/meter", b"\xff\xff no protobuf"))
        assert gateway.wait_acknowledged(120, 30)
        with connect(owner) as connection:
            eventually(lambda: one(connection, "SELECT count(*) FROM rejected") == 1)
        gateway.close()
    finally:
        collector.stop()
    _work(url, owner)


def _work(url: str, owner: str) -> None:
    """Do what the worker does."""
    with connect(owner) as connection:
        retention.set_rule(connection, "pilote", retention.LEAST)
    with connect(url) as connection:
        assert rollup.refresh_stale(connection) > 0
        assert one(connection, "SELECT sum(count) FROM rollup_1h") == 240
        indicators.mark_new(connection)
        assert indicators.refresh(connection) > 0
        assert retention.apply(connection) == 0
        row = datasets.create(connection, "pilote", *_yesterday(connection))
        queue = jobs.app(url)
        with queue.open():
            jobs.defer_build(queue, row["dataset_id"])
        assert one(connection, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'") == 1


def _yesterday(connection: psycopg.Connection) -> tuple:
    return connection.execute("SELECT date_trunc('day', min(time), 'UTC'), max(time) FROM measurement").fetchone()
