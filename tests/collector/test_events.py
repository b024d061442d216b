"""What readers must know besides the values: changes of configuration, instrument and unit; what came late."""

import datetime
import uuid

import psycopg
import pytest
from psycopg.rows import dict_row

from vitrine import uplink
from vitrine_database.events import EVENTS, Event
from vitrine_database.gaps import gaps, parameters

from .fake_gateway import T0, Messages, now_ms, text
from .test_intake import Bench, bench

__all__ = ["bench"]
pytestmark = pytest.mark.plain
YEAR = datetime.timedelta(days=365)


def events(database: psycopg.Connection) -> list[Event]:
    now = datetime.datetime.now(datetime.UTC)
    values = {**parameters(1, now - YEAR, now + YEAR), "last": now + YEAR}
    with database.cursor(row_factory=dict_row) as cursor:
        return [Event(**row) for row in cursor.execute(EVENTS, values).fetchall()]


def told(database: psycopg.Connection) -> list[tuple]:
    return [(one.kind, one.device, one.field, one.before, one.after) for one in events(database)]


def unit(code: str) -> dict:
    return {"flow": {uplink.UNIT: text(code)}}


def test_the_first_birth_and_one_like_it_are_no_events(bench: Bench) -> None:
    messages = Messages()
    for _ in range(2):
        bench.give(messages.nbirth(), messages.dbirth(unit("m3/h"), Serial="A-1"))
    assert told(bench.database) == []


def test_another_configuration_software_or_queue_is_an_event(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    epoch, messages.epoch = messages.epoch, uuid.uuid4()
    messages.configuration, messages.software = "cd" * 32, "0.2.0"
    bench.give(messages.nbirth())
    assert told(bench.database) == [
        ("configuration", "", "", "ab" * 32, "cd" * 32),
        ("queue", "", "", str(epoch), str(messages.epoch)),
        ("software", "", "", "0.1.0", "0.2.0"),
    ]
    assert {one.node for one in events(bench.database)} == {"pi-1"}


def test_another_instrument_is_an_event(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(Serial="A-1", Maker="M"), messages.dbirth(Serial="B-2", Maker="M"))
    before = {"Serial": "A-1", "Maker": "M"}
    assert told(bench.database) == [("instrument", "meter", "", before, {**before, "Serial": "B-2"})]
    assert bench.all("SELECT identity->>'Serial' FROM device") == [("B-2",)]
    assert bench.all("SELECT key FROM channel ORDER BY key") == [("flow",), ("pressure",)], "who it is, is no channel"


@pytest.mark.parametrize("other", ["L/h", "Cel"])
def test_values_of_two_units_never_share_a_channel(bench: Bench, other: str) -> None:
    messages = Messages(channels=("flow",))

    def measured(code: str, value: float, second: int) -> None:
        bench.give(messages.nbirth(), messages.dbirth(unit(code)))
        bench.give(messages.ddata({"flow": value}, time_ms=T0 + 1000 * second))

    held = "SELECT path, unit, array_agg(value ORDER BY time) FROM channel JOIN measurement USING (channel_id)"
    measured("m3/h", 1.0, 1)
    measured(other, 1000.0, 2)
    assert bench.all(f"{held} GROUP BY 1, 2 ORDER BY 1") == [
        ("meter/flow", other, [1000.0]),
        ("meter/flow@m3/h", "m3/h", [1.0]),
    ]
    measured("m3/h", 2.0, 3)
    assert bench.all(f"{held} GROUP BY 1, 2 ORDER BY 1") == [
        ("meter/flow", "m3/h", [1.0, 2.0]),
        (f"meter/flow@{other}", other, [1000.0]),
    ]
    assert told(bench.database) == [
        ("channel", "meter", "unit", "m3/h", other),
        ("channel", "meter", "unit", other, "m3/h"),
    ]


def late(database: psycopg.Connection) -> list[tuple[int, int]]:
    return database.execute("SELECT late, restamped FROM late_hour ORDER BY bucket").fetchall()


def test_late_and_restamped_values_are_counted_once_by_hour(bench: Bench) -> None:
    messages, now = Messages(), now_ms()
    bench.give(messages.nbirth(), messages.dbirth())
    bench.give(messages.ddata({"flow": 1.0}, time_ms=now))
    assert late(bench.database) == []
    bench.give(
        messages.ddata({"flow": 1.0}, time_ms=now - 200_000),
        messages.ddata({"flow": 2.0}, time_ms=T0),
        messages.ddata({"flow": 3.0}, time_ms=T0 + 1000, source="restamped"),
        messages.ddata({"flow": 4.0}, time_ms=T0 + 3_600_000),
        messages.ddata({"pressure": 5.0}, time_ms=now - 1, source="restamped"),
    )
    assert late(bench.database) == [(2, 1), (1, 0), (0, 1)]
    # One of these is there already, under another number: it is not counted again.
    bench.give(messages.ddata({"flow": 2.0}, time_ms=T0), messages.ddata({"flow": 9.0}, time_ms=T0 + 2000))
    assert late(bench.database) == [(3, 1), (1, 0), (0, 1)]
    begin = datetime.datetime.fromtimestamp(T0 / 1000, datetime.UTC).replace(minute=0, second=0)
    found = gaps(bench.database, "pilote", begin, begin + datetime.timedelta(hours=2))
    assert [(one.path, one.late, one.restamped) for one in found.channels] == [
        ("meter/flow", 4, 1),
        ("meter/pressure", 0, 0),
    ]
