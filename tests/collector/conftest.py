"""A migrated database for each test, a collector, a gateway."""

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.servers.model import Server
from tests.servers.process import ServerProcess
from tests.servers.templates import clone, template
from vitrine_collector.limits import Limits
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect
from vitrine_database.migration import migrate

from .fake_gateway import FakeGateway, Messages

QUICK = Limits(batch_s=0.02, reorder_s=0.2, rebirth_spread_s=0.0, rebirth_interval_s=0.3)


@pytest.fixture
def database_url(plain_server: Server) -> Iterator[str]:
    built = template(plain_server, "collector", lambda url: migrate(url) and None)
    with clone(plain_server, built) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture
def make_collector(database_url: str, mosquitto: ServerProcess) -> Iterator[Callable[[], Collector]]:
    made: list[Collector] = []

    def make() -> Collector:
        collector = Collector(database_url, Broker(host="127.0.0.1", port=mosquitto.port), QUICK)
        made.append(collector)
        collector.start()
        assert collector.host.online.wait(20)
        return collector

    yield make
    for collector in made:
        collector.stop()


@pytest.fixture
def make_gateway(mosquitto: ServerProcess) -> Iterator[Callable[..., FakeGateway]]:
    made: list[FakeGateway] = []

    def make(messages: Messages | None = None, **options: bool) -> FakeGateway:
        made.append(FakeGateway(mosquitto.port, messages or Messages(), **options))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


def eventually(check: Callable[[], object], timeout: float = 20) -> None:
    """Wait until the check gives something true; fail after the timeout."""
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
