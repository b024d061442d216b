"""The writer: whatever comes in whatever order and however often, the table holds each measurement once."""

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrine_collector.writer import Rows, Writer

SLOTS = st.integers(0, 40)


def rows_of(slots: list[int]) -> Rows:
    """Make the measurements of some places in time; a place always gives the same measurement."""
    values = [float("nan") if slot % 5 == 0 else slot / 3 for slot in slots]
    return Rows(
        time_us=[1_750_000_000_000_000 + slot // 2 * 1000 for slot in slots],
        channel_id=[1 + slot % 2 for slot in slots],
        value=values,
        quality=[9 if slot % 5 == 0 else 1 + slot % 4 for slot in slots],
        tests=[slot % 3 for slot in slots],
    )


def table(database: psycopg.Connection) -> list[tuple]:
    return database.execute(
        "SELECT (extract(epoch FROM time) * 1000000)::bigint, channel_id, value, quality, tests FROM measurement "
        "ORDER BY channel_id, time"
    ).fetchall()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(SLOTS, max_size=30), min_size=1, max_size=6))
def test_any_order_and_repetition_of_batches_gives_the_same_table(
    database: psycopg.Connection, batches: list[list[int]]
) -> None:
    database.execute("TRUNCATE measurement")
    written = sum(Writer(database).write(rows_of(batch)) for batch in batches)
    slots = sorted({slot for batch in batches for slot in batch}, key=lambda slot: (slot % 2, slot))
    expected = rows_of(slots)
    values = [None if np.isnan(value) else value for value in expected.value.tolist()]
    columns = [expected.time_us.tolist(), expected.channel_id.tolist(), values]
    columns += [expected.quality.tolist(), expected.tests.tolist()]
    assert table(database) == list(zip(*columns, strict=True))
    assert written == len(slots)


def test_a_value_is_never_replaced(database: psycopg.Connection) -> None:
    writer = Writer(database)
    writer.write(Rows([1_000_000], [1], [5.0], [1], [0]))
    assert writer.write(Rows([1_000_000, 2_000_000], [1, 1], [6.0, 7.0], [1, 1], [0, 0])) == 1
    assert [row[2] for row in table(database)] == [5.0, 7.0]


def test_it_takes_part_in_the_callers_transaction(database: psycopg.Connection) -> None:
    writer = Writer(database)
    with database.transaction(force_rollback=True):
        for _ in range(2):
            writer.write(rows_of([1, 2, 3]))
        assert len(table(database)) == 3
    assert table(database) == []


def test_many_rows_go_in_pieces(database: psycopg.Connection) -> None:
    count = 150_000
    times = np.arange(count) * 1_000_000
    rows = Rows(times, np.ones(count), np.where(times % 7 == 0, np.nan, 1.5), np.where(times % 7 == 0, 9, 1), times * 0)
    assert Writer(database).write(rows) == count
    missing = database.execute("SELECT count(*) FROM measurement WHERE value IS NULL").fetchone()
    assert missing == (int((times % 7 == 0).sum()),)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Rows([1, 2], [1], [1.0], [1], [0])
