"""A seeded portal for the whole module, and a client that follows nothing by itself."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.portal.server import Portal, portal
from tests.servers.model import Server


@pytest.fixture(scope="session")
def seeded_portal(plain_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with portal(plain_server, Path(tmp_path_factory.mktemp("portal"))) as running:
        yield running


@pytest.fixture
def visitor(seeded_portal: Portal) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=seeded_portal.origin, headers={"Accept-Language": "fr-CA"}, timeout=60) as client:
        yield client
