"""The servers as pytest fixtures, one of each kind for the whole session.

A server that this machine cannot have skips the test with the reason; with CI=true it fails the test instead.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from .apache import apache_server as run_apache
from .broker import Rumqttd, rumqttd
from .community import community_server as run_community
from .model import Server, Unavailable
from .mosquitto import Mosquitto
from .mosquitto import mosquitto as run_mosquitto
from .plain import plain_server as run_plain
from .templates import Template, clone, template

__all__ = ["Template", "available", "clone", "short_folder", "template"]


@contextmanager
def available() -> Iterator[None]:
    """Turn Unavailable into a skipped test, or with CI=true into a failed one."""
    try:
        yield
    except Unavailable as reason:
        if os.environ.get("CI") == "true":
            raise pytest.fail.Exception(f"with CI=true nothing may be left out: {reason}", pytrace=False) from None
        raise pytest.skip.Exception(str(reason)) from None


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder whose path is short, open to other users."""
    # Not pytest's own folder: a Unix socket's path is at most 107 bytes long, and pytest closes its folder to others.
    with tempfile.TemporaryDirectory(prefix="vitrine-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _server(run: Callable[[Path], AbstractContextManager[Server]]) -> Iterator[Server]:
    with short_folder() as folder, available(), run(folder) as server:
        yield server


@pytest.fixture(scope="session")
def plain_server() -> Iterator[Server]:
    """Plain PostgreSQL."""
    with _server(run_plain) as server:
        yield server


@pytest.fixture(scope="session")
def apache_server() -> Iterator[Server]:
    """TimescaleDB, Apache edition."""
    with _server(run_apache) as server:
        yield server


@pytest.fixture(scope="session")
def community_server() -> Iterator[Server]:
    """TimescaleDB, Community edition: one connection at a time."""
    with _server(run_community) as server:
        yield server


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """Mosquitto, fresh for each test, which may kill it."""
    with short_folder() as folder, available(), run_mosquitto(folder) as broker:
        yield broker


@pytest.fixture
def broker() -> Iterator[Rumqttd]:
    """The rumqttd of the iotcore wheel, fresh for each test, which may kill it."""
    with short_folder() as folder, available(), rumqttd(folder) as running:
        yield running
