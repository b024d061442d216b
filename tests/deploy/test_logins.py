"""The accounts that compose makes in the database: on a new one, on one of before, and again when a password changes."""

import base64
import hashlib
import hmac
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from typer.testing import CliRunner

from tests.servers.model import Server
from tests.servers.templates import clone, template
from vitrine_collector import commands
from vitrine_database.backup import program
from vitrine_database.commands import database as database_commands
from vitrine_database.migration import migrate

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "postgres" / "logins.sh"
ROLES = {"writer": "vitrine_writer", "api": "vitrine_api", "grafana": "vitrine_grafana"}
pytestmark = pytest.mark.plain


@pytest.fixture
def database_url(plain_server: Server) -> Iterator[str]:
    with clone(plain_server, template(plain_server, "migrated", migrate)) as url:
        yield url
        with psycopg.connect(url, autocommit=True) as connection:
            for role in ROLES.values():  # of the whole server, unlike the clone
                connection.execute(f"DROP ROLE IF EXISTS {role}_login")  # type: ignore[arg-type]


@pytest.fixture
def make_logins(database_url: str) -> Callable[..., str]:
    """Run the script as compose does; return all that it says."""

    def make(**words: str) -> str:
        info = psycopg.conninfo.conninfo_to_dict(database_url)
        environment = {f"PG{key.upper()}": str(info[key]) for key in ("host", "port", "user") if key in info}
        environment |= {f"VITRINE_{name.upper()}_DATABASE_PASSWORD": words.get(name, f"{name}'s") for name in ROLES}
        path = f"{Path(program('psql')).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", SCRIPT],
            env=environment | {"PATH": path, "PGDATABASE": str(info["dbname"])},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return make


def is_password(url: str, login: str, word: str) -> bool:
    """Tell whether a password is that of a login, by what the server keeps of it (RFC 5802)."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [login]).fetchone()
    assert row is not None
    kind, rounds, keys = row[0].split("$")
    assert kind == "SCRAM-SHA-256"
    (count, salt), (stored, _) = rounds.split(":"), keys.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", word.encode(), base64.b64decode(salt), int(count))
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest() == base64.b64decode(stored)


def as_login(url: str, login: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def test_logins_are_made_and_their_passwords_follow(database_url: str, make_logins: Callable[..., str]) -> None:
    assert make_logins() == ""
    assert all(is_password(database_url, f"{role}_login", f"{name}'s") for name, role in ROLES.items())
    assert make_logins(writer="another; DROP TABLE latest; --") == ""
    assert is_password(database_url, "vitrine_writer_login", "another; DROP TABLE latest; --")
    assert is_password(database_url, "vitrine_api_login", "api's")


def test_an_older_volume_gets_what_it_lacks(database_url: str, make_logins: Callable[..., str]) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE vitrine_grafana_login LOGIN PASSWORD 'of before' IN ROLE vitrine_grafana")
    make_logins()
    assert all(is_password(database_url, f"{role}_login", f"{name}'s") for name, role in ROLES.items())


def test_each_login_has_the_rights_of_its_role_and_no_more(database_url: str, make_logins: Callable[..., str]) -> None:
    make_logins()
    for role in ROLES.values():
        with psycopg.connect(as_login(database_url, f"{role}_login"), autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM latest").fetchone() == (0,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DROP TABLE latest")


def test_what_compose_runs_as_the_writer_works_as_the_writer(
    database_url: str, make_logins: Callable[..., str]
) -> None:
    make_logins()
    url = as_login(database_url, "vitrine_writer_login")
    example = ROOT / "examples" / "ultrafiltration.toml"
    for command, arguments in (
        (commands.catalogue, ["apply", str(example)]),
        (database_commands, ["status", "--json"]),
    ):
        done = CliRunner().invoke(command, [*arguments, "--url", url])
        assert done.exit_code == 0, (done.output, done.exception)
