"""What each role may do, and what it may not."""

import psycopg
import pytest

ALLOWED = [
    ("vitrine_reader", "SELECT count(*) FROM measurement_1h"),
    ("vitrine_reader", "SELECT count(*) FROM dataset"),
    ("vitrine_reader", "SELECT count(*) FROM schema_migration"),
    ("vitrine_writer", "INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)"),
    ("vitrine_writer", "UPDATE measurement SET quality = 3, tests = 1"),
    ("vitrine_writer", "INSERT INTO rejected (topic, payload, code, reason) VALUES ('t', '', 'c', 'r')"),
    ("vitrine_writer", "INSERT INTO account (login, password_hash, role) VALUES ('a', 'h', 'operator')"),
    ("vitrine_writer", "CREATE TEMP TABLE staged (LIKE measurement)"),
    ("vitrine_writer", "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 't')"),
    ("vitrine_grafana", "SELECT count(*) FROM measurement, measurement_1min, measurement_1d, channel"),
]
REFUSED = [
    ("vitrine_reader", "SELECT password_hash FROM account"),
    ("vitrine_reader", "SELECT payload FROM rejected"),
    ("vitrine_reader", "INSERT INTO measurement VALUES ('2026-01-01', 1, 5, 1)"),
    ("vitrine_reader", "DELETE FROM latest"),
    ("vitrine_writer", "DELETE FROM measurement"),
    ("vitrine_writer", "DELETE FROM quality_change"),
    ("vitrine_writer", "DELETE FROM schema_migration"),
    ("vitrine_writer", "DROP TABLE latest"),
    ("vitrine_writer", "CREATE TABLE more (x int)"),
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
            database.execute(statement)
        database.execute("RESET ROLE")
