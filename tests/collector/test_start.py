"""Why a collector does not start: what is wrong, and what to do about it."""

import psycopg
import pytest

from vitrine.errors import ConfigurationError
from vitrine_collector.start_checks import check_database

pytestmark = pytest.mark.plain


def refused(database: psycopg.Connection) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        check_database(database)
    return caught.value.message, caught.value.hint


def test_a_migrated_database_is_fine(database: psycopg.Connection) -> None:
    check_database(database)


def test_one_that_is_older_is_named_with_what_it_lacks(database: psycopg.Connection) -> None:
    database.execute("DELETE FROM schema_migration WHERE name LIKE '0007%'")
    message, hint = refused(database)
    assert "older than this version: 0007_births is missing" in message
    assert hint.startswith("Run: vitrine database migrate")


def test_one_that_is_newer_is_named(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO schema_migration (name, edition, sha256, stage) VALUES ('9999_future', 'plain', 'x', 'post')"
    )
    message, hint = refused(database)
    assert "newer Vitrine, which knows 9999_future" in message
    assert "newest version" in hint


def test_the_wrong_edition_is_named(database: psycopg.Connection) -> None:
    database.execute("UPDATE schema_migration SET edition = 'community'")
    message, hint = refused(database)
    assert message == "the schema was made for the edition “community”, and this server offers “plain”"
    assert "shared_preload_libraries" in hint


def test_a_user_without_rights_is_told_whom_to_ask_for_which(database: psycopg.Connection) -> None:
    database.execute("DO $$ BEGIN CREATE ROLE onlooker; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    database.execute("GRANT vitrine_reader TO onlooker")
    database.execute("SET ROLE onlooker")
    message, hint = refused(database)
    database.execute("RESET ROLE")
    assert "the user “onlooker” may not write to: birth, channel," in message
    assert hint == 'Let the owner of the database run: GRANT vitrine_writer TO "onlooker"'
    database.execute("SET ROLE vitrine_writer")
    check_database(database)
    database.execute("RESET ROLE")
