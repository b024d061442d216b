"""The state of a database, for people in both languages and for programs."""

import datetime
import json
import re
from importlib.resources import files

import pytest
from typer.testing import CliRunner

from vitrine_database.commands import database as app
from vitrine_database.connection import connect
from vitrine_database.status_report import number, size

#: One file a migration, or one an edition.
COUNT = len({path.name[:4] for path in files("vitrine_database").joinpath("migrations").iterdir()})


def run(*arguments, language="en"):
    return CliRunner().invoke(app, list(arguments), env={"LC_ALL": language, "COLUMNS": "200", "TERM": "dumb"})


def test_json(migrated, edition):
    with connect(migrated) as connection:
        connection.execute(
            "INSERT INTO measurement SELECT now() - n * interval '1 s', 1, n, 1 FROM generate_series(1, 1000) n"
        )
    result = run("status", "--url", migrated, "--json")
    assert result.exit_code == 0
    state = json.loads(result.stdout)
    assert (state["edition"], state["ready"], state["pending"]) == (edition, True, [])
    assert (state["measurements"]["rows"], state["measurements"]["estimated"]) == (1000, False)
    assert state["measurements"]["bytes"] > 10_000
    assert len(state["policies"]) == (4 if edition == "community" else 0)
    assert state["rights"] == {"migrate": True, "write": True, "read": True, "make_roles": True}


@pytest.mark.plain
def test_many_rows_are_estimated(plain_migrated, monkeypatch):
    monkeypatch.setattr("vitrine_database.status._COUNT_BELOW_BYTES", 0)
    with connect(plain_migrated) as connection:
        connection.execute(
            "INSERT INTO measurement SELECT now() - n * interval '1 s', 1, n, 1 FROM generate_series(1, 1000) n"
        )
        connection.execute("ANALYZE measurement")
    state = json.loads(run("status", "--url", plain_migrated, "--json").stdout)
    assert (state["measurements"]["rows"], state["measurements"]["estimated"]) == (1000, True)


@pytest.mark.plain
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr_CA.UTF-8", ["Édition +plain", f"{COUNT} à appliquer\u00a0: 0001_start", "vitrine database migrate"]),
        ("en", ["Edition +plain", f"{COUNT} to apply: 0001_start", "vitrine database migrate"]),
    ],
)
def test_a_database_without_schema(plain_empty, language, words):
    result = run("status", "--url", plain_empty, language=language)
    assert result.exit_code == 0
    for text in words[1:]:
        assert text in result.stdout


@pytest.mark.plain
def test_migrate_and_status_in_french(plain_empty):
    result = run("migrate", "--url", plain_empty, language="fr_CA.UTF-8")
    assert "Application de 0001_start" in result.stdout
    assert "à jour (édition «\u00a0plain\u00a0»)" in result.stdout
    told = run("status", "--url", plain_empty, language="fr_CA.UTF-8").stdout
    for line in (
        "Édition +plain",
        rf"Migrations +à jour \({COUNT} appliquées\)",
        r"Mesures +0 \(",
        "Dernière valeur +aucune",
    ):
        assert re.search(line, told)


@pytest.mark.parametrize("edition", ["community"], indirect=True)
def test_policies_by_command(migrated):
    assert run("policies", "--url", migrated, "--columnstore-after", "3 d").exit_code == 0
    told = run("status", "--url", migrated).stdout
    assert "conversion to columns" in told
    assert "measurement_1min" in told


def test_policies_refuses_what_is_no_duration():
    result = run("policies", "--columnstore-after", "soon")
    assert result.exit_code == 2
    assert "is not a duration" in result.stderr


@pytest.mark.plain
def test_policies_elsewhere(plain_migrated):
    result = run("policies", "--url", plain_migrated)
    assert "no policies" in str(result.exception)


@pytest.mark.plain
def test_a_reader_may_ask(plain_migrated):
    with connect(plain_migrated) as connection:
        connection.execute("DROP ROLE IF EXISTS visitor")
        connection.execute("CREATE ROLE visitor LOGIN IN ROLE vitrine_reader")
    try:
        state = json.loads(run("status", "--url", plain_migrated.replace("postgres@", "visitor@"), "--json").stdout)
    finally:
        with connect(plain_migrated) as connection:
            connection.execute("DROP ROLE visitor")
    assert state["ready"]
    assert state["rights"] == {"migrate": False, "write": False, "read": True, "make_roles": False}


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (0, "0\u00a0o", "0\u00a0B"),
        (999, "999\u00a0o", "999\u00a0B"),
        (8_820_415, "8,8\u00a0Mo", "8.8\u00a0MB"),
        (3e15, "3000,0\u00a0To", "3000.0\u00a0TB"),
    ],
)
def test_size(count, french, english):
    assert (size(int(count), "fr"), size(int(count), "en")) == (french, english)


def test_number():
    assert (number(1_234_567, "fr"), number(1_234_567, "en")) == ("1\u00a0234\u00a0567", "1,234,567")


def test_times_are_told_in_utc(migrated):
    with connect(migrated) as connection:
        connection.execute(
            "WITH i AS (INSERT INTO installation (slug, name) VALUES ('x', '{}') RETURNING installation_id),"
            " g AS (INSERT INTO gateway (installation_id, node) SELECT installation_id, 'n' FROM i RETURNING gateway_id),"
            " d AS (INSERT INTO device (gateway_id, key) SELECT gateway_id, 'd' FROM g RETURNING device_id),"
            " c AS (INSERT INTO channel (installation_id, device_id, key, path, name)"
            "       SELECT installation_id, device_id, 'k', 'd/k', '{}' FROM i, d RETURNING channel_id)"
            " INSERT INTO latest SELECT channel_id, %s, 1, 1, 0, now() FROM c",
            (datetime.datetime(2026, 5, 1, 12, 30, tzinfo=datetime.UTC),),
        )
    told = run("status", "--url", migrated).stdout
    assert "2026-05-01 12:30:00 UTC" in told
    assert "1 installations, 1 gateways, 1 channels" in told
