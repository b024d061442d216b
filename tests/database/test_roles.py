"""What each role may do, and what it may not."""

import datetime

import psycopg
import pytest

from tests.database.test_rollups import series, write
from vitrine_api.portal.charts.slots import Window
from vitrine_api.portal.history import arguments, query
from vitrine_database import rollup
from vitrine_database.queries import Queries

ALLOWED = [
    ("vitrine_reader", "SELECT count(*) FROM measurement_1h"),
    ("vitrine_reader", "SELECT count(*) FROM dataset"),
    ("vitrine_reader", "SELECT count(*) FROM schema_migration"),
    ("vitrine_writer", "INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)"),
    ("vitrine_writer", "UPDATE measurement SET quality = 3, tests = 1"),
    ("vitrine_writer", "INSERT INTO rejected (topic, payload, code, reason) VALUES ('t', '', 'c', 'r')"),
    ("vitrine_writer", "CREATE TEMP TABLE staged (LIKE measurement)"),
    ("vitrine_writer", "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 't')"),
    ("vitrine_writer", "SELECT count(*) FROM measurement_1d, retention, retention_hold, retention_drop, dropped_days"),
    ("vitrine_reader", "SELECT count(*) FROM retention_drop, protected_period, stale_rollup"),
    ("vitrine_grafana", "SELECT received_at, topic, code, reason FROM rejected"),
    ("vitrine_grafana", "SELECT count(*) FROM measurement, measurement_1min, measurement_1d, channel"),
    *(
        (role, f"SELECT count(*) FROM {function}(1, '-infinity', 'infinity')")
        for role in ("vitrine_reader", "vitrine_writer", "vitrine_api", "vitrine_grafana")
        for function in ("hours_between", "days_between")
    ),
]
REFUSED = [
    ("vitrine_reader", "SELECT password_hash FROM account"),
    ("vitrine_reader", "SELECT payload FROM rejected"),
    ("vitrine_reader", "INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)"),
    ("vitrine_reader", "DELETE FROM latest"),
    ("vitrine_writer", "SELECT password_hash FROM account"),
    ("vitrine_writer", "INSERT INTO account (login, password_hash, role) VALUES ('a', 'h', 'operator')"),
    ("vitrine_writer", "DELETE FROM measurement"),
    ("vitrine_writer", "DELETE FROM quality_change"),
    ("vitrine_writer", "DELETE FROM schema_migration"),
    ("vitrine_writer", "DROP TABLE latest"),
    ("vitrine_writer", "CREATE TABLE more (x int)"),
    ("vitrine_writer", "TRUNCATE measurement"),
    ("vitrine_writer", "ALTER TABLE measurement DISABLE TRIGGER measurement_values_stay"),
    ("vitrine_writer", "DROP TRIGGER measurement_values_stay ON measurement"),
    ("vitrine_writer", "UPDATE loss SET reason = 'none'"),
    ("vitrine_writer", "UPDATE quality_change SET reason = 'none'"),
    ("vitrine_writer", "UPDATE retention SET raw = '7 days'"),
    ("vitrine_writer", "DELETE FROM retention_hold"),
    (
        "vitrine_writer",
        "INSERT INTO retention_hold (installation_id, first_time, last_time, reason) VALUES (1, now(), now(), 'x')",
    ),
    ("vitrine_writer", "CREATE ROLE more"),
    ("vitrine_writer", "GRANT vitrine_writer TO vitrine_reader"),
    ("vitrine_reader", "UPDATE measurement SET quality = 1"),
    ("vitrine_reader", "COPY measurement FROM STDIN"),
    ("vitrine_reader", "DELETE FROM retention_drop"),
    ("vitrine_reader", "SELECT drop_measurements(1, '2020-01-01')"),
    ("vitrine_grafana", "SELECT payload FROM rejected"),
    ("vitrine_grafana", "SELECT payload FROM birth"),
    ("vitrine_grafana", "SELECT * FROM dataset"),
    ("vitrine_grafana", "SELECT drop_measurements(1, '2020-01-01')"),
    ("vitrine_grafana", "INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)"),
    ("vitrine_grafana", "SELECT * FROM account"),
    ("vitrine_grafana", "SELECT * FROM procrastinate_jobs"),
    ("vitrine_grafana", "DELETE FROM latest"),
]


def test_rights(database):
    for role, statement in ALLOWED:
        with database.transaction():
            database.execute(f"SET LOCAL ROLE {role}")
            database.execute(statement)
    for role, statement in REFUSED:
        database.execute(f"SET ROLE {role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            attempt(database, statement)
        database.execute("RESET ROLE")


def attempt(database, statement):
    """Execute a statement; a COPY to its end, where the Community server, which gathers its rows first, refuses it."""
    if not statement.startswith("COPY"):
        database.execute(statement)
        return
    with database.cursor().copy(statement):
        pass


def test_a_reader_exports_and_draws(database):
    """With stored rollups and with some that are behind; the queries are those of the API and of the portal."""
    rows = series(6, hours=30)
    write(database, rows)
    first, last = min(row[0] for row in rows), max(row[0] for row in rows) + datetime.timedelta(days=1)
    rollup.refresh(database, first, last)
    write(database, [(first + datetime.timedelta(microseconds=1), 1, 5.0, 1)])
    counts = {}
    export = Queries("vitrine_api", "queries/export.sql")
    cuts = [
        Window("x", first, first + length, datetime.timedelta(hours=1), datetime.timedelta(minutes=1))
        for length in (datetime.timedelta(hours=1), datetime.timedelta(days=5))
    ]
    for role in ("postgres", "vitrine_reader"):
        database.execute(f"SET ROLE {role}")
        asked = [
            (text, {"channel_id": 1, "first": first, "last": last}) for name, text in export.items() if "rows" in name
        ]
        asked += [(query(cut), arguments(cut, [1, 2, 3])) for cut in cuts]
        counts[role] = [len(database.execute(text, values).fetchall()) for text, values in asked]
    database.execute("RESET ROLE")
    assert counts["postgres"] == counts["vitrine_reader"]
    assert min(counts["postgres"][:4]) > 0
