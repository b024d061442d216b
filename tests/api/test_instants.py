"""Instants and PostgreSQL's ranges, whatever is thrown at them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from vitrine.ranges import Ranges
from vitrine_api.instants import parse_instant, period, stamp
from vitrine_api.problems import ApiError
from vitrine_api.rest.catalogue import ranges

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


FIRST, LAST = datetime.fromisoformat("1901-01-01"), datetime.fromisoformat("2199-01-01")


@given(st.datetimes(FIRST, LAST, timezones=ZONES))
def test_every_instant_with_a_zone_is_read_as_it_was_written(instant: datetime):
    assert parse_instant(instant.isoformat()) == instant
    assert parse_instant(instant.isoformat().replace("+", " ")) == instant
    assert parse_instant(stamp(instant)) == instant


@given(st.text())
def test_anything_else_is_told_and_never_a_surprise(text: str):
    try:
        assert parse_instant(text).tzinfo is UTC
    except PydanticCustomError as error:
        assert error.context["allowed"]


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", ""])
def test_impossible_instants(text: str):
    with pytest.raises(PydanticCustomError):
        parse_instant(text)


def test_a_period_ends_now_and_begins_before():
    found = period(None, None, default=timedelta(days=1), limit=timedelta(days=1))
    assert found.last - found.first == timedelta(days=1)
    assert abs(datetime.now(UTC) - found.last) < timedelta(minutes=1)


def test_an_empty_period_is_refused():
    now = datetime.now(UTC)
    with pytest.raises(ApiError, match="ends"):
        period(now, now, default=timedelta(1), limit=timedelta(1))


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 20))))
def test_ranges_of_postgresql_are_read_as_inclusive_pairs(parts: list[tuple[int, int]]):
    numbers = Ranges((first, first + more) for first, more in parts)
    written = "{" + ",".join(f"[{first},{last + 1})" for first, last in numbers) + "}"
    assert ranges(written) == list(numbers)
