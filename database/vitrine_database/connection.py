"""Connections to the database, and in plain words why there is none."""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from vitrine.errors import ConfigurationError
from vitrine_database.arrays import ArrayDumper

_CONNECT_SECONDS = 10

#: What a server's words mean, and what to do. Servers speak the language of their `lc_messages`; French is read too.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r'database ".*" does not exist|base de données « .* » n.existe pas',
        "the server {server} has no database “{database}”",
        "Create it with: createdb {database} (as a user who may), then: vitrine database migrate",
    ),
    (
        r'role ".*" does not exist|le rôle « .* » n.existe pas',
        "the server {server} knows no user “{user}”",
        "Name a user in DATABASE_URL: postgresql://USER@HOST/DATABASE",
    ),
    (
        r"password authentication failed|authentification par mot de passe échouée",
        "the server {server} refuses the password of the user “{user}”",
        "Check the password in DATABASE_URL or in ~/.pgpass.",
    ),
    (
        r"no password supplied|fe_sendauth",
        "the server {server} asks for a password of the user “{user}”, and none was given",
        "Write it in ~/.pgpass, or in DATABASE_URL: postgresql://USER:PASSWORD@HOST/DATABASE",
    ),
    (
        r"pg_hba\.conf|[Pp]eer authentication failed|authentification peer échouée",
        "the server {server} does not let the user “{user}” in from here",
        "Add a line for this user to the server's pg_hba.conf, or name another user in DATABASE_URL.",
    ),
    (
        r"too many clients|trop de clients|remaining connection slots",
        "the server {server} has no connection left",
        "Raise max_connections on the server, or stop what holds connections: SELECT * FROM pg_stat_activity",
    ),
    (
        r"starting up|shutting down|not yet accepting|en cours de démarrage|en cours d.arrêt",
        "the server {server} is starting or stopping",
        "Wait a moment and try again.",
    ),
    (
        r"could not translate host name|[Nn]ame or service not known|failed to resolve host",
        "the name of the server {server} is not known here",
        "Check the host in DATABASE_URL.",
    ),
    (
        r"[Cc]onnection refused|No such file|timeout|unreachable|No route to host",
        "no database answers at {server}",
        "Start the server, or name another one in DATABASE_URL: postgresql://USER@HOST:5432/DATABASE",
    ),
)


def connect(url: str, *, name: str = "vitrine") -> psycopg.Connection:
    """Open a connection in autocommit mode that speaks UTC; ConfigurationError says why there is none."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(
            f"DATABASE_URL is not a connection string of PostgreSQL: {str(error).strip()}",
            hint="It looks like this: postgresql://USER@HOST:5432/DATABASE",
        ) from error
    ours = {"connect_timeout": str(_CONNECT_SECONDS), "application_name": name}
    defaults = {key: value for key, value in ours.items() if key not in given}
    try:
        connection = psycopg.connect(make_conninfo(url, **defaults), autocommit=True)
    except psycopg.OperationalError as error:
        raise explain(error, url) from error
    connection.execute("SET TIME ZONE 'UTC'")
    # By its name, so that who has no arrays does not load NumPy.
    connection.adapters.register_dumper("numpy.ndarray", ArrayDumper)
    return connection


def explain(error: psycopg.OperationalError, url: str) -> ConfigurationError:
    """Return what a failed connection means and what to do about it."""
    words = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    user = words.get("user", "(that of this process)")
    names = {"server": place(url), "user": user, "database": words.get("dbname", user)}
    said = str(error).strip()
    for pattern, message, hint in _CAUSES:
        if re.search(pattern, said):
            return ConfigurationError(message.format(**names), hint=hint.format(**names))
    return ConfigurationError(f"the database at {names['server']} cannot be reached: {said}")


def place(url: str) -> str:
    """Return host and port of a connection string, without its password."""
    words = conninfo_to_dict(url)
    host = str(words.get("host") or words.get("hostaddr") or "this machine's socket")
    return host if host.startswith("/") or " " in host else f"{host}:{words.get('port') or 5432}"
