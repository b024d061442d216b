"""Gathering slots: both queries give the same, and the steps that hold a usable value are counted right."""

from datetime import datetime, timedelta

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.portal.server import Portal
from vitrine_api.portal.history import _QUERIES

pytestmark = pytest.mark.plain


def _ask(url: str, name: str, first: datetime, last: datetime, slot: timedelta, step: timedelta):
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        values = {
            "channels": [1, 3, 4, 5, 6, 7],
            "slot": slot,
            "step_s": step.total_seconds(),
            "steps": slot // step,
            "first": first,
            "last": last,
        }
        return connection.execute(_QUERIES[name], values).fetchall()


@pytest.mark.parametrize(
    ("days", "slot", "step"),
    [
        (1, timedelta(minutes=5), timedelta(minutes=1)),
        (1, timedelta(minutes=15), timedelta(minutes=5)),
        (12, timedelta(hours=1), timedelta(minutes=1)),
    ],
)
def test_rollups_and_measurements_tell_the_same(seeded_portal: Portal, days: int, slot: timedelta, step: timedelta):
    last = seeded_portal.seeded.replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(days=days)
    raw = _ask(seeded_portal.database_url, "slots_from_measurements", first, last, slot, step)
    rolled = _ask(seeded_portal.database_url, "slots_from_rollups", first, last, slot, step)
    assert len(raw) == len(rolled) > 0
    for one, other in zip(raw, rolled, strict=True):
        assert set(one) == set(other)
        for key, value in one.items():
            assert value == (pytest.approx(other[key]) if isinstance(value, float) else other[key]), key


def test_a_gap_of_known_length_is_missing(seeded_portal: Portal):
    # The history ends some minutes before it is seeded: a full hour that has just begun is not the last one
    last = (seeded_portal.seeded - timedelta(minutes=15)).replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(days=12)
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    rows = _ask(seeded_portal.database_url, "slots_from_measurements", first, last, hour, minute)
    parts = sum(row["parts"] for row in rows if row["channel_id"] == 1)
    assert parts == 12 * 24 * 60 - (7 * 60 + 20)
