"""A refused message is written after all, by the births of its time; what nobody can tell any more stays."""

import datetime
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from vitrine import uplink
from vitrine.errors import VitrineError
from vitrine_collector import rejections, replay
from vitrine_collector.batch import Batch
from vitrine_collector.certificates import NotReplayable
from vitrine_collector.commit import Commit
from vitrine_collector.inbox import Incoming, SessionBegun
from vitrine_collector.intake import Intake
from vitrine_collector.limits import Limits
from vitrine_collector.store import Store

from .fake_gateway import T0, Messages, text

NOW = 1_790_000_000.0
Give = Callable[..., None]


@pytest.fixture
def give(database_url: str) -> Iterator[Give]:
    """Hear messages, a second apart, and write what they hold; None stands for a new session with the broker."""
    store = Store(database_url, threading.Event())
    batches: list[Batch] = []
    intake = Intake(store, batches.append, Limits(reorder_s=0.0))
    clock = iter(range(1_000_000))

    def hear(*messages: tuple[str, bytes] | None) -> None:
        for message in messages:
            intake.handle(SessionBegun() if message is None else Incoming(*message, NOW + next(clock)))
            intake.tick()
        intake.finish()
        while batches:
            store.run(Commit(batches.pop(0)).proceed)

    yield hear
    store.close()


def values(database: psycopg.Connection) -> list[tuple[object, ...]]:
    return database.execute(
        "SELECT path, value, tests FROM measurement JOIN channel USING (channel_id) ORDER BY time, path"
    ).fetchall()


def only(database: psycopg.Connection) -> rejections.Rejection:
    (number,) = rejections.numbers(database)
    return rejections.one(database, number)


def constraint(database: psycopg.Connection, present: bool) -> None:
    if present:
        database.execute("ALTER TABLE measurement ADD CONSTRAINT odd CHECK (value < 100)")
    else:
        database.execute("ALTER TABLE measurement DROP CONSTRAINT odd")


def test_a_message_that_a_constraint_refused_is_written_once_it_is_gone(give: Give, database) -> None:
    gateway = Messages()
    constraint(database, True)
    give(gateway.nbirth(), gateway.dbirth(), gateway.ddata({"flow": 150.0}, tests=8, source="uncertain"))
    assert not values(database)
    with pytest.raises(VitrineError, match="odd"):
        replay.replay(database, only(database))
    item = only(database)  # it stays, and is there once
    constraint(database, False)
    assert replay.replay(database, item) == 1
    found = values(database)
    assert [row[:2] for row in found] == [("meter/flow", 150.0)]
    assert found[0][2] & 8
    assert rejections.numbers(database) == []
    assert database.execute("SELECT held::text FROM delivery").fetchone() == ("{[1,2)}",)


def test_the_aliases_are_those_of_the_births_before_it(give: Give, database) -> None:
    gateway = Messages(channels=("flow", "pressure"))
    constraint(database, True)
    give(gateway.nbirth(), gateway.dbirth(), gateway.ddata({"flow": 150.0}))
    gateway.channels = ("pressure", "flow")  # the same aliases now stand for others
    give(gateway.nbirth(), gateway.dbirth(), gateway.ddata({"flow": 2.0}, time_ms=T0 + 1000))
    constraint(database, False)
    replay.replay(database, only(database))
    assert [row[:2] for row in values(database)] == [("meter/flow", 150.0), ("meter/flow", 2.0)]


@pytest.mark.parametrize(("same_session", "written"), [(True, True), (False, False)])
def test_a_message_without_a_birth_is_read_by_a_session_that_is_known(
    give: Give, database, same_session: bool, written: bool
) -> None:
    foreign = Messages(acknowledged=False)
    give(foreign.nbirth(), foreign.dbirth(), None, foreign.ddata({"flow": 3.0}))
    item = only(database)
    assert item.code == "no-birth"
    with pytest.raises(NotReplayable, match="not heard"):  # its next birth is not known yet
        replay.replay(database, item)
    foreign.bd_seq += not same_session
    give(foreign.nbirth(), foreign.dbirth())
    if written:
        assert replay.replay(database, item) == 1
    else:
        with pytest.raises(NotReplayable, match="another birth"):
            replay.replay(database, item)
    assert bool(values(database)) is written


def test_a_unit_that_changed_since_is_not_mixed(give: Give, database) -> None:
    gateway = Messages(channels=("flow",))
    constraint(database, True)
    give(gateway.nbirth(), gateway.dbirth({"flow": {uplink.UNIT: text("L/h")}}), gateway.ddata({"flow": 150.0}))
    give(gateway.nbirth(), gateway.dbirth({"flow": {uplink.UNIT: text("m3/h")}}))
    constraint(database, False)
    with pytest.raises(NotReplayable, match="L/h then and is kept in m3/h now"):
        replay.replay(database, only(database))


def test_a_birth_goes_when_it_is_replaced_and_no_refused_message_needs_it(give: Give, database) -> None:
    gateway = Messages()
    constraint(database, True)
    give(gateway.nbirth(), gateway.dbirth())
    give(gateway.nbirth(), gateway.dbirth(), gateway.ddata({"flow": 150.0}))
    give(gateway.nbirth(), gateway.dbirth())
    assert database.execute("SELECT count(*) FROM birth").fetchone() == (6,)
    database.execute("UPDATE birth SET received_at = received_at - interval '2 hours'")
    database.execute("UPDATE rejected SET received_at = received_at - interval '2 hours'")
    give(gateway.nbirth())
    # the first pair is forgotten; the second, which the refused message needs, and the newest are kept
    assert database.execute("SELECT count(*) FROM birth").fetchone() == (5,)
    constraint(database, False)
    assert replay.replay(database, only(database)) == 1


def test_what_is_no_data_stays(give: Give, database) -> None:
    give(("spBv1.0/pilote/NBIRTH/pi-1", b"nonsense"))
    with pytest.raises(NotReplayable, match="NBIRTH"):
        replay.replay(database, only(database))
    database.execute(
        "INSERT INTO rejected (received_at, topic, payload, code, reason) VALUES (%s, 'a/b', '', 'x', 'y')",
        (datetime.datetime.now(datetime.UTC),),
    )
    assert len(rejections.numbers(database)) == 2
    assert len(rejections.numbers(database, "x")) == 1
