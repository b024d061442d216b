"""One message that the database refuses for whatever reason stops no other; what refuses all of them blames none."""

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from vitrine import uplink
from vitrine_collector import commit as commits
from vitrine_collector import faults, rejections, replay
from vitrine_collector.batch import Refused
from vitrine_collector.commit import Commit
from vitrine_collector.inbox import Incoming
from vitrine_collector.store import Store

from .fake_gateway import T0, Messages, text
from .test_commit import _rows, batch_of, evidence, store
from .test_intake import Bench, bench
from .test_rights import as_writer

__all__ = ["_rows", "bench", "store"]
STATES = ("54000", "42804", "XX000", "21000", "0A000", "25001", "42P01", "42501", "55000")
TRAP = """
CREATE SEQUENCE tries;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {when} THEN RAISE EXCEPTION 'not this value' USING ERRCODE = {state}; END IF;
    RETURN new;
END $$;
CREATE TRIGGER trap BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse();
"""
MENDED = "DROP FUNCTION refuse CASCADE"


def trap(when: str, state: str, table: str = "measurement") -> str:
    return TRAP.format(when=when, state=state, table=table)


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count why work was put off, without waiting long."""
    reasons: list[str] = []
    original = Store._failed

    def failed(self: Store, error: Exception, wait_s: float) -> None:
        reasons.append(str(error))
        original(self, error, wait_s)

    monkeypatch.setattr(Store, "_failed", failed)
    monkeypatch.setattr("vitrine_collector.store._FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("vitrine_collector.store._LONGEST_WAIT_S", 0.05)
    return reasons


@pytest.fixture
def mend_after(failures: list[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Do something once work was put off so many times."""

    def arrange(times: int, mend: Callable[[], object]) -> None:
        original = Store._failed

        def failed(self: Store, error: Exception, wait_s: float) -> None:
            original(self, error, wait_s)
            if len(failures) == times:
                mend()

        monkeypatch.setattr(Store, "_failed", failed)

    return arrange


def rejected(database: psycopg.Connection) -> list[tuple]:
    return database.execute("SELECT topic, code, reason FROM rejected ORDER BY rejected_id").fetchall()


def test_a_message_refused_for_whatever_reason_stops_no_other(store: Store, database, failures: list[str]) -> None:
    """The value 1000 is refused with the first SQLSTATE, 1001 with the second …"""
    states = f"('{{{','.join(STATES)}}}'::text[])[new.value::int - 999]"
    database.execute(trap("new.value >= 1000", states))
    values = [float(number) for number in range(200)]
    for number in range(len(STATES)):
        values[7 + 20 * number] = 1000.0 + number
    commit = Commit(batch_of(values))
    store.run(commit.proceed)
    assert (commit.written, commit.refused) == (200 - len(STATES), len(STATES))
    assert evidence(database)[:2] == (200 - len(STATES), "{[1,201)}")
    assert rejected(database) == [
        (f"record/{8 + 20 * number}", "database", f"not this value [SQLSTATE {state}]")
        for number, state in enumerate(STATES)
    ]
    assert not failures


@pytest.mark.parametrize("taken_before", [False, True])
def test_a_message_alone_is_held_against_what_was_taken_before(store: Store, database, taken_before: bool) -> None:
    if taken_before:
        store.run(Commit(batch_of([1.0])).proceed)
    database.execute(trap("new.value = 666", "'XX000'"))
    store.run(Commit(batch_of([666.0], first=2)).proceed)
    assert [row[:2] for row in rejected(database)] == [("record/2", "database")]
    witnessed = "SELECT (SELECT count(*) FROM loss), (SELECT count(*) FROM delivery), (SELECT count(*) FROM late_hour)"
    assert database.execute(witnessed).fetchone()[:2] == (0, 1), "nothing of the witness stays"


def test_a_channel_that_is_refused_is_held_against_another(store: Store, database) -> None:
    """Every value of one channel is refused, also the one that was taken last."""
    database.execute(
        "INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (1, 1, 'b', 'm/b', '{}');"
        "INSERT INTO latest VALUES (2, now(), NULL, 9, 0, now() - interval '1 day')"
    )
    store.run(Commit(batch_of([1.0])).proceed)
    database.execute(trap("new.channel_id = 1", "'XX002'"))
    store.run(Commit(batch_of([2.0], first=2)).proceed)
    assert [row[0] for row in rejected(database)] == ["record/2"]


@pytest.mark.parametrize(
    ("count", "broken", "mended"),
    [
        (1, "REVOKE INSERT ON measurement FROM vitrine_writer", "GRANT INSERT ON measurement TO vitrine_writer"),
        (50, "REVOKE INSERT ON measurement FROM vitrine_writer", "GRANT INSERT ON measurement TO vitrine_writer"),
        (50, "REVOKE INSERT ON rejected FROM vitrine_writer", "GRANT INSERT ON rejected TO vitrine_writer"),
        (1, "REVOKE INSERT ON loss FROM vitrine_writer", "GRANT INSERT ON loss TO vitrine_writer"),
        (1, "ALTER TABLE delivery RENAME TO away", "ALTER TABLE away RENAME TO delivery"),
        (50, trap("true", "'XX000'"), MENDED),
        (1, trap("true", "'54000'", "gateway"), MENDED),
    ],
)
def test_what_refuses_all_alike_blames_none(
    database_url: str, database, mend_after, failures: list[str], count: int, broken: str, mended: str
) -> None:
    batch = batch_of([float(number) for number in range(count)])
    batch.records[0].loss = uplink.Loss(batch.records[0].origin.epoch, uplink.Ranges([(900, 901)]), 1, 2, "disk full")
    batch.refused.append(Refused(Incoming("nonsense", b"", 1.0), "payload-invalid", "why"))
    database.execute(broken)
    mend_after(3, lambda: database.execute(mended))
    store = Store(as_writer(database_url), threading.Event())
    commit = Commit(batch)
    store.run(commit.proceed)
    store.close()
    assert len(failures) == 3
    assert (commit.written, commit.refused) == (count, 0)
    assert evidence(database) == (count, f"{{[1,{count + 1})}}", ["nonsense"])
    assert database.execute("SELECT count(*) FROM loss").fetchone() == (1,)


def test_what_passes_is_laid_to_no_message(store: Store, database, failures: list[str]) -> None:
    """Whatever is written first is refused, with each SQLSTATE more often than a mishap may come."""
    states = ("40001", "40P01", "55P03", "53100", "53200", "57014", "58030")
    often = faults.PATIENCE + 1
    chosen = f"('{{{','.join(states)}}}'::text[])[1 + (currval('tries') - 1) / {often}]"
    database.execute(trap(f"nextval('tries') <= {often * len(states)}", chosen))
    store.run(Commit(batch_of([float(number) for number in range(30)])).proceed)
    assert len(failures) > 4 * often
    assert evidence(database) == (30, "{[1,31)}", None)


@pytest.mark.parametrize(("state", "refused"), [("57014", True), ("55P03", False)])
def test_a_mishap_that_comes_with_one_message_alone_is_its_own(
    store: Store, database, mend_after, failures: list[str], state: str, refused: bool
) -> None:
    database.execute(trap("new.value = 666", f"'{state}'"))
    mend_after(3 * faults.PATIENCE + 5, lambda: database.execute(MENDED))
    store.run(Commit(batch_of([1.0, 2.0, 666.0, 4.0])).proceed)
    assert [row[0] for row in rejected(database)] == (["record/3"] if refused else [])
    assert evidence(database)[:2] == (4 - refused, "{[1,5)}")
    if refused:  # the four together, the message alone; the pair between them is not waited for
        assert len(failures) == 2 * (faults.PATIENCE - 1)


def test_a_message_on_which_the_server_crashes_is_found(
    store: Store, database, monkeypatch: pytest.MonkeyPatch, database_url: str, failures: list[str]
) -> None:
    for module in (faults, commits):
        monkeypatch.setattr(module, "PATIENCE", 2)
    database.execute(
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.value = 666 THEN COPY (SELECT 1) TO PROGRAM 'kill -KILL $PPID'; END IF; RETURN new; END $$;"
        "CREATE TRIGGER crash BEFORE INSERT ON measurement FOR EACH ROW EXECUTE FUNCTION crash()"
    )
    store.run(Commit(batch_of([1.0, 666.0, 3.0])).proceed)
    with psycopg.connect(database_url) as again:
        assert evidence(again) == (2, "{[1,4)}", ["record/2"])


def test_a_note_that_is_refused_waits_and_the_records_beside_it_are_written(
    store: Store, database, mend_after, failures: list[str]
) -> None:
    database.execute(trap("new.topic = 'nonsense'", "'23514'", "rejected"))
    seen: list[tuple] = []
    mend_after(2, lambda: (seen.append(evidence(database)), database.execute(MENDED)))
    batch = batch_of([1.0, 2.0])
    batch.refused += [Refused(Incoming(topic, b"", 1.0), "payload-invalid", "why") for topic in ("nonsense", "other")]
    store.run(Commit(batch).proceed)
    assert seen == [(2, "{[1,3)}", ["other"])]
    assert evidence(database)[2] == ["nonsense", "other"]
    assert all("even the note of a refused message is refused: not this value" in reason for reason in failures)


def test_a_mistake_of_ours_with_one_message_stops_no_other(store: Store, database, monkeypatch) -> None:
    original = commits.transaction.write

    def write(connection, records, measured, refused) -> int:
        if measured is not None and any(record.number == 2 for record in records):
            raise OverflowError("int too large")
        return original(connection, records, measured, refused)

    monkeypatch.setattr(commits.transaction, "write", write)
    store.run(Commit(batch_of([1.0, 2.0, 3.0])).proceed)
    assert rejected(database) == [("record/2", "internal", "OverflowError: int too large")]
    assert evidence(database)[:2] == (2, "{[1,4)}")


def test_a_birth_that_is_refused_stops_no_other(bench: Bench, database, failures: list[str]) -> None:
    database.execute(trap("new.profile = 'poison'", "'XX000'", "device"))
    good, bad = Messages(node="pi-2", device="other"), Messages(channels=["flow"])
    poison = {"flow": {uplink.PROFILE: text("poison")}}
    bench.give(bad.nbirth(), bad.dbirth(), bad.ddata({"flow": 1.0}))
    bench.give(bad.dbirth(poison), bad.ddata({"flow": 2.0}), good.nbirth(), good.dbirth(), good.ddata({"flow": 3.0}))
    assert [row[1:] for row in rejected(database)] == [("database", "not this value [SQLSTATE XX000]")]
    # By which birth the second is to be read is not known: it is awaited.
    assert bench.all("SELECT value FROM measurement ORDER BY value") == [(1.0,), (3.0,)]
    assert bench.intake.counts["awaited"] == 1
    assert bench.intake.rebirths.due(time.monotonic()) == [("pilote", "pi-1")]
    assert len(failures) == 1


def test_births_that_are_all_refused_wait(bench: Bench, database, mend_after, failures: list[str]) -> None:
    database.execute(trap("true", "'XX000'", "device"))
    mend_after(3, lambda: database.execute(MENDED))
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}))
    assert len(failures) == 3
    assert not rejected(database)
    assert bench.all("SELECT value FROM measurement") == [(1.0,)]
    assert bench.all("SELECT slug FROM installation") == [("pilote",)], "nothing of the witness stays"


def test_a_refused_message_is_replayed_after_the_fix(bench: Bench, database) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}))
    database.execute(trap("new.value = 666", "'54000'"))
    bench.give(messages.ddata({"flow": 666.0}, time_ms=T0 + 1000))
    (number,) = rejections.numbers(database)
    for broken, mended, reason in (
        ("SELECT 1", MENDED, "not this value"),
        ("ALTER TABLE delivery RENAME TO away", "ALTER TABLE away RENAME TO delivery", "would refuse any other now"),
    ):
        database.execute(broken)
        with pytest.raises(replay.VitrineError, match=reason):
            replay.replay(database, rejections.one(database, number))
        database.execute(mended)
    assert replay.replay(database, rejections.one(database, number)) == 1
    assert not rejections.numbers(database)
