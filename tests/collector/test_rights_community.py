"""The statements of a collector and of a worker on TimescaleDB Community, with the rights of vitrine_writer alone.

That server has one connection, so the threads' work is done here one after the other. What needs two connections at
once is left out: the threads themselves, and the build of a dataset from a snapshot that two of them share. Nor has it
COPY FROM STDIN for others than a superuser: the same rows go by INSERT, for which PostgreSQL asks the same right.
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.servers.model import Server
from tests.servers.templates import clone, template
from vitrine import uplink
from vitrine.errors import PayloadError
from vitrine.installation_file import load
from vitrine.ranges import Ranges
from vitrine_collector import catalogue, rejections, replay
from vitrine_collector.batch import Batch
from vitrine_collector.commit import Commit
from vitrine_collector.inbox import Incoming, SessionBegun
from vitrine_collector.intake import Intake, Limits
from vitrine_collector.members import Members
from vitrine_collector.series_quality import SeriesQuality
from vitrine_collector.start_checks import check_database
from vitrine_collector.store import Store
from vitrine_collector.writer import Rows, Writer
from vitrine_database import retention, rollup
from vitrine_database.connection import connect
from vitrine_database.migration import migrate
from vitrine_evaluation import indicators
from vitrine_evaluation.dataset import request as datasets

from .fake_gateway import Messages, text
from .test_rights import as_writer, one

pytestmark = pytest.mark.community
DAY = timedelta(days=1)
BEGIN = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - 9 * DAY
BEGIN_MS = int(BEGIN.timestamp()) * 1000
RULES = {"spike_suspect": 3, "gross_range_fail": [0, 500]}


INSERT = """
INSERT INTO {} (time, channel_id, value, quality, tests)
SELECT timestamptz 'epoch' + t * interval '1 microsecond', c, nullif(v, 'NaN'), q, b
FROM unnest(%s::bigint[], %s::int[], %s::float8[], %s::smallint[], %s::smallint[]) AS one (t, c, v, q, b)
"""


def insert(writer: Writer, statement: str, rows: Rows) -> None:
    """Do what COPY would."""
    columns = (rows.time_us, rows.channel_id, rows.value, rows.quality, rows.tests)
    table = statement.split()[1]
    writer._connection.execute(INSERT.format(table), [column.tolist() for column in columns])


@pytest.fixture
def owner(community_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Writer, "_copy", insert)
    with clone(community_server, template(community_server, "migrated", migrate)) as url:
        yield url


def hear(store: Store, *messages: tuple[str, bytes]) -> None:
    """Take messages in as a collector does after its start, and write what they hold."""
    batches: list[Batch] = []
    intake = Intake(store, batches.append, Limits(reorder_s=0.0))
    for item in (SessionBegun(), *(Incoming(*message, time.time()) for message in messages)):
        intake.handle(item)
        intake.tick()
    intake.finish()
    while batches:
        store.run(Commit(batches.pop(0)).proceed)


def born(gateway: Messages, serial: str = "A") -> list[tuple[str, bytes]]:
    rules = {"flow": {uplink.RULES: text(json.dumps(RULES)), uplink.UNIT: text("m3/h")}}
    return [gateway.nbirth(), gateway.dbirth(rules, Serial=serial)]


def minutes(gateway: Messages, count: int) -> list[tuple[str, bytes]]:
    return [
        gateway.ddata({"flow": 10.0 * (n % 3), "pressure": None}, time_ms=BEGIN_MS + 60_000 * n) for n in range(count)
    ]


def work(url: str, *messages: tuple[str, bytes]) -> None:
    impatient = threading.Event()
    impatient.set()  # what is refused is not tried again
    store = Store(url, impatient, name="writer")
    try:
        store.run(check_database)
        members = Members()
        store.run(members.beat)
        hear(store, *messages)
        assert store.run(lambda connection: SeriesQuality().work(connection, threading.Event())) >= 0
        store.run(members.leave)
    finally:
        store.close()


def counts(connection: psycopg.Connection) -> dict[str, object]:
    names = ("measurement", "loss", "event", "rejected", "birth", "latest", "late_hour", "collector")
    return {name: one(connection, f"SELECT count(*) FROM {name}") for name in names}


def test_what_a_collector_writes(owner: str) -> None:
    url = as_writer(owner)
    gateway = Messages()
    loss = uplink.Loss(gateway.epoch, Ranges([(500, 510)]), BEGIN_MS, BEGIN_MS + 60_000, "disk limit")
    work(
        url,
        *born(gateway),
        *minutes(gateway, 60),
        gateway.lost(loss),
        ("spBv1.0/pilote/DDATA/pi-1/meter", b"\xff\xff no protobuf"),
        gateway.ddeath(),
        gateway.ndeath(),
    )
    with connect(owner) as connection:
        held = counts(connection)
        assert (held["measurement"], held["loss"], held["rejected"], held["latest"]) == (120, 1, 1, 2)
        assert held["collector"] == 0
        assert min(held["birth"], held["late_hour"]) > 0
        assert one(connection, "SELECT count(*) FROM measurement WHERE quality = 3") > 30
        for (chunk,) in connection.execute("SELECT show_chunks('measurement')").fetchall():
            connection.execute(f"CALL convert_to_columnstore('{chunk}')")
    # Again under new numbers, into columns, where half are there already; a late neighbour, another instrument.
    again = Messages(channels=gateway.channels)
    work(url, *born(again, "B"), *minutes(again, 120), again.ddata({"flow": 30.0}, time_ms=BEGIN_MS + 150_000))
    with connect(owner) as connection:
        held = counts(connection)
        assert (held["measurement"], held["event"]) == (241, 2)
        assert one(connection, "SELECT count(DISTINCT epoch) FROM delivery") == 2
        flagged = "SELECT count(*) FROM measurement WHERE quality = 3 AND time >= %s"
        assert connection.execute(flagged, (BEGIN + timedelta(minutes=90),)).fetchone()[0] > 0


def test_what_is_done_by_hand_and_by_the_worker(owner: str) -> None:
    gateway = Messages()
    work(as_writer(owner), *born(gateway), *minutes(gateway, 60), ("spBv1.0/pilote/DDATA/pi-1/meter", b"\xff"))
    with connect(owner) as connection:
        retention.set_rule(connection, "pilote", 8 * DAY)
    with connect(as_writer(owner)) as connection:
        assert one(connection, "SELECT current_user") == "vitrine_writer"
        assert catalogue.apply(connection, load(Path("examples/ultrafiltration.toml"))).added
        (number,) = rejections.numbers(connection)
        with pytest.raises(PayloadError):
            replay.replay(connection, rejections.one(connection, number))
        rejections.remove(connection, rejections.one(connection, number))
        assert rollup.refresh_stale(connection) == 0  # TimescaleDB's own work
        indicators.mark_new(connection)
        assert indicators.refresh(connection) > 0
        row = datasets.create(connection, "pilote", BEGIN, BEGIN + DAY)
        assert retention.apply(connection) == 0  # the dataset waits for its build
        connection.execute("DELETE FROM dataset WHERE dataset_id = %s", (row["dataset_id"],))
        assert retention.apply(connection) == 120
        connection.execute("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', 'build_dataset')")
    with connect(owner) as connection:
        assert one(connection, "SELECT sum(count) FROM measurement_1h") == 120
