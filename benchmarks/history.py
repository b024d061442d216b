"""The demo's thirty days, from the models through the collector's writer, against bare binary COPY of the same rows.

Every example is filled, as `vitrine demo --all` does it; models, instruments' registers and quality tests are part of
the way, the bare COPY has the finished rows.
"""

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import numpy as np
import psycopg

from benchmarks.demo import database_processes, processor_time
from benchmarks.report import Result
from vitrine.installation import Installation
from vitrine_collector.rows import Rows, copy_stream
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate
from vitrine_demo import installations
from vitrine_demo.history import History
from vitrine_demo.ports import Ports
from vitrine_quality.rules import to_json
from vitrine_simulators.binding import bind, plant_of

COPY = "COPY measurement (time, channel_id, value, quality, tests) FROM STDIN (FORMAT binary)"
LIVE = datetime(2026, 11, 20, 14, 3, 27, tzinfo=UTC)
BATCH = 50_000


def run() -> list[Result]:
    """Measure on embedded PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        sites = installations.copy(folder, Ports(20_000), ("127.0.0.1", 1883), everything=True)
        server = EmbeddedServer(folder / "data")
        url = server.start()
        try:
            migrate(url)
            with connect(url) as connection:
                for site in sites:
                    _declare(connection, site)
            rate, spent = _history(url, sites, folder / "history.json", folder / "data")
            bare = _bare_copy(url)
        finally:
            server.stop()
    text = "bare binary COPY of the same rows"
    return [
        Result(f"history of {len(sites)} installations", rate, "rows/s", text, rate / bare),
        Result("history, rows for each second of processor time, the database's included", spent, "rows/s"),
        Result(text, bare, "rows/s"),
    ]


def _declare(connection: psycopg.Connection, site: Installation) -> None:
    """Make the site's channels known, each with one live measurement, to which history is joined."""
    words = {"slug": site.slug, "node": site.gateway.node, "time": LIVE}
    paths = [f"{one.device.key}/{key}" for one in bind(site, plant_of(site, 1).signals) for key in one.to_profile]
    rules = {f"{device.key}/{one.key}": one.rules for device in site.devices for one in device.channels}
    installation = _one(connection, "INSERT INTO installation (slug, name) VALUES (%(slug)s, '{}') RETURNING 1", words)
    assert installation == 1
    for path in paths:
        device, key = path.split("/")
        limits = json.dumps(to_json(rules[path])) if path in rules else "{}"
        row = {**words, "device": device, "key": key, "path": path, "rules": limits}
        _one(connection, _CHANNEL, row)


_CHANNEL = """
WITH site AS (SELECT installation_id FROM installation WHERE slug = %(slug)s),
     gateway AS (INSERT INTO gateway (installation_id, node) SELECT installation_id, %(node)s FROM site
                 ON CONFLICT (installation_id, node) DO UPDATE SET node = excluded.node RETURNING gateway_id),
     device AS (INSERT INTO device (gateway_id, key) SELECT gateway_id, %(device)s FROM gateway
                ON CONFLICT (gateway_id, key) DO UPDATE SET key = excluded.key RETURNING device_id),
     channel AS (INSERT INTO channel (installation_id, device_id, key, path, name, rules)
                 SELECT installation_id, device_id, %(key)s, %(path)s, '{}', %(rules)s FROM site, device
                 RETURNING channel_id)
INSERT INTO measurement (time, channel_id, value, quality, tests)
SELECT %(time)s, channel_id, 1, 1, 0 FROM channel RETURNING 1
"""


def _one(connection: psycopg.Connection, statement: str, words: dict[str, object]) -> int:
    row = connection.execute(statement, words).fetchone()
    assert row is not None
    return int(row[0])


def _history(url: str, sites: list[Installation], state: Path, database: Path) -> tuple[float, float]:
    """Return rows per second on the clock, and of processor time."""
    began, before = time.perf_counter(), time.process_time() + processor_time(database_processes(database))
    rows = History(url, sites, 1, state, Event()).fill(lambda share, rows: None)
    seconds = time.perf_counter() - began
    return rows / seconds, rows / (time.process_time() + processor_time(database_processes(database)) - before)


def _bare_copy(url: str) -> float:
    """Return rows per second of COPY of what the table holds, in the order in which it was written."""
    with connect(url) as connection:
        found = connection.execute(
            "SELECT (extract(epoch FROM time) * 1000000)::bigint, channel_id, value, quality, tests FROM measurement"
        ).fetchall()
        columns = list(zip(*found, strict=True))
        rows = Rows(*(np.array(column) for column in columns))
        batches = [b"".join(copy_stream(rows[start : start + BATCH])) for start in range(0, len(rows), BATCH)]
        connection.execute("TRUNCATE measurement")
        began = time.perf_counter()
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.write(batch)
        return len(rows) / (time.perf_counter() - began)
