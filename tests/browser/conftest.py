"""A seeded portal for the whole module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.server import Portal, portal
from tests.servers.model import Server


@pytest.fixture(scope="session")
def seeded_portal(plain_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with portal(plain_server, Path(tmp_path_factory.mktemp("portal"))) as running:
        yield running
