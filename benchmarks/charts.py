"""How long a chart waits for its values: an hour, a day and a year of one channel and of ten, and how that grows.

A table of ten channels over one year is made inside the server, and made denser for each size. The queries are those of
the portal (an hour, a day, thirty days) and of the API (a year in days and in hours), each asked for other stretches of
time again and again. Against them stands what a chart of a year costs without rollups: GROUP BY over its measurements.
The line through the measured points is extended to a billion rows, and named so.

VITRINE_BENCH_CHART_ROWS names the sizes in millions, by default ``0.3 1 3``; ``1 10 30 100`` is the long form: 15 GB of
disk and about half an hour. VITRINE_BENCH_CHART_COMMUNITY_ROWS is the size for TimescaleDB Community in WebAssembly, by
default ``0.05``; 0 leaves it out. VITRINE_BENCH_FOLDER says where the data go.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from psycopg.rows import dict_row
from tests.servers.apache import apache_server
from tests.servers.community import community_server
from tests.servers.model import Server, Unavailable
from tests.servers.plain import plain_server

from benchmarks.report import Result
from vitrine_api.portal.charts.slots import Window
from vitrine_api.portal.history import arguments, query
from vitrine_database import rollup
from vitrine_database.connection import connect
from vitrine_database.edition import in_force
from vitrine_database.migration import migrate
from vitrine_database.queries import Queries

CHANNELS = 10
DAYS = 365
FIRST = datetime(2025, 1, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=DAYS)
BILLION = 1_000_000_000
#: How often each chart is asked for.
TIMES = 60
_EXPORT = Queries("vitrine_api", "queries/export.sql")
_ROWS = """
INSERT INTO measurement (time, channel_id, value, quality, tests)
SELECT date_trunc('milliseconds', time) + %(mark)s * interval '1 microsecond', channel, 20 + channel + random(),
       CASE WHEN random() < 0.001 THEN 3 ELSE 1 END, 0
FROM generate_series(%(first)s::timestamptz, %(first)s::timestamptz + interval '1 day' - %(period)s::interval / 2,
                     %(period)s::interval) AS time,
     generate_series(1, %(channels)s) AS channel
"""
#: Made after the rows, which is quicker by far; as the migrations make them.
_INDEXES = {
    "measurement_channel_time": "CREATE UNIQUE INDEX measurement_channel_time ON measurement (channel_id, time)",
    "measurement_unusable": "CREATE INDEX measurement_unusable ON measurement (channel_id, time) WHERE quality > 2",
}
_PLAIN_YEAR = """
SELECT date_bin('1 day', time, timestamptz '2000-01-03Z') AS time, avg(value) FILTER (WHERE quality <= 2),
       min(value) FILTER (WHERE quality <= 2), max(value) FILTER (WHERE quality <= 2), count(*)
FROM measurement WHERE channel_id = 1 AND time >= %(first)s AND time < %(last)s GROUP BY 1 ORDER BY 1
"""

Ask = Callable[[], None]


def run() -> list[Result]:
    """Measure on TimescaleDB Apache (plain PostgreSQL where it is not to be had), then on Community in WebAssembly."""
    results: list[Result] = []
    sizes = _sizes("VITRINE_BENCH_CHART_ROWS", "0.3 1 3")
    points: dict[str, list[tuple[int, float]]] = {}
    with _server() as server:
        _prepare(server)
        for rows in sizes:
            results += _measure(server, rows, points)
    results += _line(points)
    for rows in _sizes("VITRINE_BENCH_CHART_COMMUNITY_ROWS", "0.05"):
        with _folder() as folder, community_server(folder) as server:
            _prepare(server)
            results += _measure(server, rows, {})
    return results


def _sizes(name: str, default: str) -> list[int]:
    return [round(float(size) * 1e6) for size in os.environ.get(name, default).split() if float(size) > 0]


@contextmanager
def _folder() -> Iterator[Path]:
    place = os.environ.get("VITRINE_BENCH_FOLDER")
    with tempfile.TemporaryDirectory(prefix="vitrine-", dir=place, ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def _server() -> Iterator[Server]:
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        try:
            server = stack.enter_context(apache_server(folder / "apache"))
        except Unavailable as reason:
            print(f"{reason}; plain PostgreSQL instead", file=sys.stderr)
            server = stack.enter_context(plain_server(folder / "plain"))
        yield server


def _prepare(server: Server) -> None:
    """Make the schema and the channels, which the portal's query of rollups asks for."""
    migrate(server.dsn)
    with connect(server.dsn) as connection:
        connection.execute("INSERT INTO installation (slug, name) VALUES ('bench', '{}')")
        connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'node')")
        connection.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'd')")
        connection.execute(
            "INSERT INTO channel (installation_id, device_id, key, path, name)"
            " SELECT 1, 1, n, 'd/' || n, '{}' FROM generate_series(1, %s) AS n",
            (CHANNELS,),
        )


def _measure(server: Server, rows: int, points: dict[str, list[tuple[int, float]]]) -> list[Result]:
    """Fill the database with so many rows and ask for every chart."""
    with connect(server.dsn) as connection:
        held, results = _fill(connection, rows)
        label = f"{server.edition}, {held / 1e6:.3g} M rows"
        results = [Result(f"{label}: {one.name}", one.value, one.unit) for one in results]
        year = _seconds(lambda: _all(connection, _PLAIN_YEAR, first=FIRST, last=LAST))
        results.append(Result(f"{label}: year of one channel without rollups", year * 1000, "ms"))
        for name, ask in _charts(connection):
            took = sorted(_seconds(ask) for _ in range(TIMES))
            half, most = float(np.quantile(took, 0.5)), float(np.quantile(took, 0.95))
            against = "GROUP BY of the year's values" if name.startswith("year") and "1 ch" in name else ""
            results.append(Result(f"{label}: {name}, p50", half * 1000, "ms"))
            results.append(
                Result(f"{label}: {name}, p95", most * 1000, "ms", against, most / year if against else None)
            )
            points.setdefault(name, []).append((held, most * 1000))
    return results


def _line(points: dict[str, list[tuple[int, float]]]) -> list[Result]:
    """Extend the line through the measured points."""
    found = []
    for name, measured in points.items():
        if len(measured) < 2:
            continue
        slope, base = np.polyfit(*np.array(measured, dtype=float).T, 1)
        if slope > 0:
            found.append(Result(f"{name}, p95 at a billion rows, extrapolated", base + slope * BILLION, "ms"))
        else:
            mean = float(np.mean(measured, 0)[1])
            found.append(Result(f"{name}, p95, no growth seen; mean of the sizes", mean, "ms"))
    return found


def _fill(connection: psycopg.Connection, rows: int) -> tuple[int, list[Result]]:
    """Make the year of ten channels denser, day by day, until it holds so many rows, and compute its rollups."""
    held = _count(connection)
    period = timedelta(days=DAYS) * CHANNELS / (rows - held)
    stage = {"period": period, "channels": CHANNELS, "mark": rows % 997 + 1}
    started = time.perf_counter()
    for name in _INDEXES:
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    for day in range(DAYS):
        with connection.transaction():
            # That every hour has changed is noted once, below, instead of for each day.
            connection.execute("SELECT set_config('vitrine.measurements_told', 'yes', true)")
            connection.execute(_ROWS, {"first": FIRST + timedelta(days=day), **stage})
        if day % 73 == 72:
            print(f"  {rows:,} rows: {(day + 1) // 73 * 20} % of the year", file=sys.stderr, flush=True)
    for definition in _INDEXES.values():
        connection.execute(definition)
    filled, added = time.perf_counter() - started, _count(connection) - held
    started = time.perf_counter()
    rollup.refresh_all(connection)
    rolled = time.perf_counter() - started
    if str(in_force(connection)) != "community":
        for table in ("measurement", "rollup_1min", "rollup_1h", "rollup_1d", "stale_rollup"):
            connection.execute(f"VACUUM ANALYZE {table}")
        _touch_the_last_hour(connection)
    size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert size is not None
    return held + added, [
        Result("rows made in the server, with their indexes", added / filled, "rows/s"),
        Result("rollups computed of all rows", (held + added) / rolled, "rows/s"),
        Result("database", size[0] / 1e9, "GB"),
    ]


def _count(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM measurement").fetchone()
    assert row is not None
    return int(row[0])


def _touch_the_last_hour(connection: psycopg.Connection) -> None:
    """Leave the newest hour as it is while measurements come: not in the tables, computed when it is asked for."""
    connection.execute(
        "UPDATE measurement SET tests = tests WHERE channel_id <= %s AND time >= %s AND time < %s",
        (CHANNELS, LAST - timedelta(hours=1), LAST),
    )


def _charts(connection: psycopg.Connection) -> list[tuple[str, Ask]]:
    """Return every chart; each call of one asks for other channels and other times."""
    random = np.random.default_rng(1)

    def some(count: int) -> list[int]:
        return [int(channel) for channel in random.permutation(CHANNELS)[:count] + 1]

    def stretch(key: str, length: timedelta, slot: timedelta) -> Window:
        minute = timedelta(minutes=1)
        first = LAST - length - int(random.integers(0, (DAYS - 1) * 1440)) * minute
        return Window(key, first, first + length, slot, minute)

    def portal(count: int, length: timedelta, slot: timedelta) -> Ask:
        def ask() -> None:
            cut = stretch("chart", length, slot)
            _draw(connection, cut, some(count))

        return ask

    def api(count: int, statistics: str) -> Ask:
        def ask() -> None:
            for channel in some(count):
                values = {"channel_id": channel, "first": FIRST, "last": LAST}
                with connection.cursor() as cursor, cursor.copy(_EXPORT[f"r{statistics}_json"], values) as copy:
                    while copy.read():
                        pass

        return ask

    found: list[tuple[str, Ask]] = []
    for count in (1, CHANNELS):
        found += [
            (f"hour, {count} ch", portal(count, timedelta(hours=1), timedelta(minutes=1))),
            (f"day, {count} ch", portal(count, timedelta(days=1), timedelta(minutes=5))),
            (f"30 days, {count} ch", portal(count, timedelta(days=30), timedelta(hours=1))),
            (f"year in days, {count} ch", api(count, "1d")),
            (f"year in hours, {count} ch", api(count, "1h")),
        ]
    return found


def _draw(connection: psycopg.Connection, cut: Window, channels: list[int]) -> None:
    rows = _all(connection, query(cut), **arguments(cut, channels))
    if not rows and cut.last - cut.first > timedelta(days=7):
        raise RuntimeError("a chart of thirty days is empty: it measures nothing")


def _all(connection: psycopg.Connection, statement: str, **values: object) -> Sequence[object]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()  # type: ignore[call-overload]  # a query of ours


def _seconds(ask: Ask) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started
