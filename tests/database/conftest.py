"""A migrated database of each edition, fresh for each test."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.servers.fixtures import clone, template
from vitrine_database.connection import connect
from vitrine_database.migration import migrate

EDITIONS = [
    pytest.param("plain", marks=pytest.mark.plain),
    pytest.param("apache", marks=pytest.mark.apache),
    pytest.param("community", marks=pytest.mark.community),
]


@pytest.fixture(params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def server(request: pytest.FixtureRequest, edition: str):
    return request.getfixturevalue(f"{edition}_server")


@pytest.fixture
def empty(server) -> Iterator[str]:
    """Connection string of a database without a schema."""
    with clone(server, template(server, "empty", lambda url: None)) as url:
        yield url


@pytest.fixture
def migrated(server) -> Iterator[str]:
    """Connection string of a database with the schema."""
    with clone(server, template(server, "migrated", migrate)) as url:
        yield url


@pytest.fixture
def database(migrated: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with the schema."""
    with connect(migrated) as connection:
        yield connection


@pytest.fixture
def plain_empty(plain_server) -> Iterator[str]:
    with clone(plain_server, template(plain_server, "empty", lambda url: None)) as url:
        yield url


@pytest.fixture
def plain_migrated(plain_server) -> Iterator[str]:
    with clone(plain_server, template(plain_server, "migrated", migrate)) as url:
        yield url
