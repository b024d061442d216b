"""Fixtures that every test may use: real servers, and an environment without this machine's settings."""

import os

import pytest
from hypothesis import settings

# A shared machine is slow now and then; that is no fault of the code.
settings.register_profile("vitrine", deadline=None)
settings.load_profile("vitrine")

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the person who runs the tests has set for their own Vitrine."""
    for name in list(os.environ):
        if name == "DATABASE_URL" or (name.startswith("VITRINE_") and not name.startswith("VITRINE_TEST_")):
            monkeypatch.delenv(name)
