"""Batches that the database refuses in part, and connections that end at the worst moment."""

import threading
import time
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record, Refused
from vitrine_collector.commit import Commit
from vitrine_collector.decoding import Data
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import Origin
from vitrine_collector.store import Stopped, Store

EPOCH = uuid.UUID(int=1)
NODE = ("pilote", "pi-1")
T0_MS = 1_750_000_000_000

TRAP = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.value = 666 THEN RAISE EXCEPTION 'not this value'; END IF;
    RETURN new;
END $$;
CREATE TRIGGER trap BEFORE INSERT ON measurement FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture(autouse=True)
def _rows(database: psycopg.Connection) -> None:
    database.execute("INSERT INTO installation (slug, name) VALUES ('pilote', '{}')")
    database.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'pi-1')")
    database.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'meter')")
    database.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (1, 1, 'a', 'm/a', '{}')"
    )


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    made = Store(database_url, threading.Event(), name="writing")
    yield made
    made.close()


def batch_of(values: list[float], first: int = 1) -> Batch:
    batch = Batch()
    for number, value in enumerate(values, start=first):
        message = Incoming(f"record/{number}", b"payload", time.time())
        record = Record(message, Origin(NODE, 1, 1, EPOCH), number, time_source="ntp")
        batch.add(record, Data(number, "ntp", [T0_MS + number % 1000], [1], [value], [0]))
    batch.judge(Arrival())
    return batch


def evidence(database: psycopg.Connection) -> tuple:
    return database.execute(
        "SELECT (SELECT count(*) FROM measurement), (SELECT held::text FROM delivery), "
        "(SELECT array_agg(topic ORDER BY topic) FROM rejected)"
    ).fetchone()


@pytest.mark.parametrize("bad", [{0}, {99}, {3, 4, 50}, set(range(100))])
def test_only_the_record_at_fault_is_refused(store: Store, database: psycopg.Connection, bad: set[int]) -> None:
    database.execute(TRAP)
    commit = Commit(batch_of([666.0 if index in bad else float(index) for index in range(100)]))
    store.run(commit.proceed)
    topics = sorted(f"record/{index + 1}" for index in bad)
    assert evidence(database) == (100 - len(bad), "{[1,101)}", topics)
    assert (commit.written, commit.refused) == (100 - len(bad), len(bad))
    reasons = database.execute("SELECT DISTINCT code, reason FROM rejected").fetchall()
    assert reasons == [("database", "not this value")]


def test_messages_refused_before_are_kept_once(store: Store, database: psycopg.Connection) -> None:
    database.execute(TRAP)
    batch = batch_of([1.0, 666.0])
    batch.refused.append(Refused(Incoming("nonsense", b"\x00", 1.0), "payload-invalid", "with \0 in it"))
    store.run(Commit(batch).proceed)
    assert evidence(database) == (1, "{[1,3)}", ["nonsense", "record/2"])


def test_a_record_whose_number_no_range_can_hold_is_refused(store: Store, database: psycopg.Connection) -> None:
    store.run(Commit(batch_of([1.0], first=2**63 - 1)).proceed)
    assert evidence(database) == (0, None, [f"record/{2**63 - 1}"])


def test_a_connection_that_is_cut_is_made_again(store: Store, database: psycopg.Connection) -> None:
    store.run(Commit(batch_of([1.0])).proceed)
    database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writing'")
    store.run(Commit(batch_of([2.0], first=2)).proceed)
    assert evidence(database) == (2, "{[1,3)}", None)


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_without_an_answer_is_neither_lost_nor_doubled(
    store: Store, database: psycopg.Connection, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends just after, or just before, the server has committed."""
    original = Commit._write
    cuts = [1]

    def cut(self: Commit, connection: psycopg.Connection, part) -> int:
        if not cuts:
            return original(self, connection, part)
        cuts.pop()
        if committed:
            original(self, connection, part)
        else:
            with connection.transaction(force_rollback=True):
                original(self, connection, part)
        raise psycopg.OperationalError("the connection was cut")

    monkeypatch.setattr(Commit, "_write", cut)
    batch = batch_of([1.0, 2.0])
    batch.refused.append(Refused(Incoming("nonsense", b"", 1.0), "payload-invalid", "why"))
    store.run(Commit(batch).proceed)
    assert evidence(database) == (2, "{[1,3)}", ["nonsense"])


def test_work_ends_when_the_collector_ends(database_url: str) -> None:
    stopping = threading.Event()
    stopping.set()
    store = Store(database_url.replace("clone_", "no_such_"), stopping)
    with pytest.raises(Stopped):
        store.run(lambda connection: connection.execute("SELECT 1"))
