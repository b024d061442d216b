"""Why there is no connection, in words, and what to do."""

import psycopg
import pytest

from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect, explain, place


@pytest.mark.parametrize(
    ("said", "told", "hint"),
    [
        ('FATAL:  database "x" does not exist', "no database “x”", "createdb x"),
        ("FATAL:  la base de données « x » n'existe pas", "no database “x”", "createdb x"),
        ('FATAL:  role "u" does not exist', "no user “u”", "DATABASE_URL"),
        ('FATAL:  password authentication failed for user "u"', "refuses the password", "pgpass"),
        ("fe_sendauth: no password supplied", "asks for a password", "pgpass"),
        ('no pg_hba.conf entry for host "1.2.3.4"', "does not let the user “u” in", "pg_hba.conf"),
        ("FATAL:  sorry, too many clients already", "no connection left", "max_connections"),
        ("FATAL:  the database system is starting up", "starting or stopping", "Wait"),
        ('could not translate host name "h" to address', "name of the server h:5432 is not known", "host"),
        ("connection failed: Connection refused", "no database answers at h:5432", "Start the server"),
        ("something new", "cannot be reached: something new", ""),
    ],
)
def test_what_a_server_says_is_explained(said, told, hint):
    error = explain(psycopg.OperationalError(said), "postgresql://u:secret@h/x")
    assert told in error.message
    assert hint in error.hint
    assert "secret" not in error.message + error.hint


def test_nobody_answers():
    with pytest.raises(ConfigurationError, match=r"no database answers at 127\.0\.0\.1:1"):
        connect("postgresql://u@127.0.0.1:1/x")


def test_not_a_connection_string():
    with pytest.raises(ConfigurationError, match="not a connection string"):
        connect("nonsense")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://u:secret@h:99/x", "h:99"),
        ("postgresql://u@/x?host=/run/pg", "/run/pg"),
        ("postgresql:///x", "this machine's socket"),
    ],
)
def test_place(url, where):
    assert place(url) == where


@pytest.mark.plain
def test_a_missing_database(plain_server):
    with pytest.raises(ConfigurationError, match="no database “nothing_here”"):
        connect(plain_server.database("nothing_here"))


@pytest.mark.plain
def test_a_connection_speaks_utc_commits_at_once_and_has_a_name(plain_migrated):
    with connect(plain_migrated, name="a test") as connection:
        assert connection.autocommit
        row = connection.execute("SELECT current_setting('TimeZone'), current_setting('application_name')").fetchone()
        assert row == ("UTC", "a test")
