"""What is behind, and the advice that follows: on each edition for real, and case by case."""

import datetime
import json

import pytest
from typer.testing import CliRunner

from tests.database.test_rollups import series, write
from vitrine_database import rollup
from vitrine_database.commands import database as app
from vitrine_database.connection import connect
from vitrine_database.edition import Edition
from vitrine_database.lag import Lag, Task, advice
from vitrine_database.policy import Policy
from vitrine_database.status import status

NOW = datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
ROLES = ("vitrine_api", "vitrine_grafana", "vitrine_reader", "vitrine_writer")
CALM = {
    "committed_at": NOW,
    "newest": NOW,
    "stale_hours": 0,
    "oldest_stale": None,
    "materialised": {},
    "workers": 1,
    "tasks": (Task(name="mend", last_asked=NOW, failed=0),),
    "failed_jobs": 0,
}
POLICY = {
    "job": 7, "kind": "policy_refresh_continuous_aggregate", "target": "measurement_1h", "every": HOUR, "settings": {},
    "last_status": "Success", "last_success": NOW, "next_start": None, "failures": 0,
}  # fmt: skip


def told(url, language="en"):
    done = CliRunner().invoke(app, ["status", "--url", url], env={"LC_ALL": language, "COLUMNS": "250"})
    assert done.exit_code == 0, done.exception
    return done.stdout


def test_rollups_behind_are_told_until_they_have_caught_up(migrated, edition):
    rows = series(7, hours=30)
    with connect(migrated) as connection:
        write(connection, rows)
        connection.execute(
            "INSERT INTO installation (slug, name) VALUES ('x', '{}');"
            " INSERT INTO gateway (installation_id, node) VALUES (1, 'n');"
            " INSERT INTO device (gateway_id, key) VALUES (1, 'd');"
            " INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (1, 1, 'a', 'd/a', '{}');"
            " INSERT INTO latest (channel_id, time, value, quality, received_at)"
            " VALUES (1, '2026-03-09', 1, 1, now() - interval '1 hour');"
            " INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('q', 'build_dataset', 'failed')"
        )
    state = status(migrated)
    codes = {item.code for item in state.advice}
    assert {"no_worker", "silent", "failed_jobs"} <= codes
    assert ("rollups_behind" in codes) == (edition != "community")
    assert state.lag.failed_jobs == 1
    if edition == "community":
        assert state.lag.materialised == {f"measurement_{name}": None for name in ("1d", "1h", "1min")}
    else:
        assert state.lag.stale_hours >= 30
        assert state.lag.oldest_stale == min(row[0] for row in rows).replace(minute=0, second=0, microsecond=0)
        assert "charts are right, but slow" in told(migrated)
    with connect(migrated) as connection:
        rollup.catch_up(connection)
    after = status(migrated)
    assert "rollups_behind" not in {item.code for item in after.advice}
    if edition == "community":
        assert after.lag.materialised["measurement_1h"] > max(row[0] for row in rows)
    else:
        assert (after.lag.stale_hours, after.lag.oldest_stale) == (0, None)
    assert "vitrine worker run" in told(migrated, "fr")


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"workers": 0}, ["no_worker"]),
        ({"failed_jobs": 2}, ["failed_jobs"]),
        ({"stale_hours": 1, "oldest_stale": NOW - HOUR}, []),
        ({"stale_hours": 5, "oldest_stale": NOW - 5 * HOUR}, ["rollups_behind"]),
        ({"committed_at": NOW - HOUR}, ["silent"]),
        ({"committed_at": None}, []),
    ],
)
def test_advice_of_lag(changed, codes):
    assert [item.code for item in advice(Lag(**CALM | changed), (), Edition.PLAIN, ROLES, NOW)] == codes


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"last_status": "Failed"}, ["policy_failed"]),
        ({"last_success": NOW - 2 * HOUR}, []),
        ({"last_success": NOW - 4 * HOUR}, ["policy_late"]),
    ],
)
def test_advice_of_policies(changed, codes):
    policies = [Policy(**POLICY), Policy(**POLICY), Policy(**POLICY), Policy(**POLICY | changed)]
    assert [item.code for item in advice(Lag(**CALM), policies, Edition.COMMUNITY, ROLES, NOW)] == codes
    assert [item.code for item in advice(None, policies[:2], Edition.COMMUNITY, (), NOW)] == ["roles", "no_policies"]


@pytest.mark.plain
def test_who_may_not_see_is_told_less(plain_migrated):
    with connect(plain_migrated) as connection:
        connection.execute("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN")
    try:
        url = plain_migrated.replace("postgres@", "stranger@")
        with connect(plain_migrated) as connection:
            connection.execute("GRANT SELECT ON schema_migration TO stranger")
        state = status(url)
        assert (state.lag, state.measurements) == (None, None)
        done = CliRunner().invoke(app, ["status", "--url", url, "--json"], env={"LC_ALL": "en"})
        assert json.loads(done.stdout)["lag"] is None
    finally:
        with connect(plain_migrated) as connection:
            connection.execute("DROP OWNED BY stranger; DROP ROLE stranger")
