"""A minute of chaos: kills of gateway, broker, collector and database, and cables pulled out, by a seed."""

import os

import pytest

from tests.acceptance.account import settled
from tests.acceptance.chaos import chaos
from tests.servers.fixtures import available, short_folder

pytestmark = [pytest.mark.acceptance, pytest.mark.plain, pytest.mark.timeout(900)]
SECONDS = float(os.environ.get("VITRINE_TEST_CHAOS_SECONDS", "45"))
SEED = int(os.environ.get("VITRINE_TEST_CHAOS_SEED", "1"))


def test_nothing_is_lost_or_doubled_and_the_evidence_is_true():
    with short_folder() as folder, available(), chaos(folder, SEED) as platform:
        platform.rage(SECONDS, print)
        platform.silence()
        found = settled(platform)
        assert found.clean, found
        assert found.stored > 0
        assert {fault.how for fault in platform.faults} & {"killed"}
        print(found)
