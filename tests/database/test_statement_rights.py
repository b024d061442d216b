"""Each named statement of a room is allowed to the role that its program runs as, on each edition."""

import datetime
import re
from importlib.resources import files

import psycopg
import pytest

from vitrine_database.queries import Queries

#: What is a statement of the session or of its transaction needs no right on a table; COPY is taken by its query.
PLANNED = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
COPIED = re.compile(r"\s*COPY \((?P<query>.*)\)\s+TO STDOUT.*", re.IGNORECASE | re.DOTALL)
WORDS = re.compile(r"%\((\w+)\)")
#: NULL stands for every parameter but for the one whose type PostgreSQL could not know.
INSTANT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
ROOMS = {
    "vitrine_writer": [("vitrine_collector", "queries"), ("vitrine_evaluation", "queries")],
    "vitrine_api": [("vitrine_api", "queries"), ("vitrine_api", "portal/queries")],
}

#: `vitrine account` is run by the owner: the API tells who somebody is, and makes nobody.
OF_THE_OWNER = tuple(f"vitrine_api accounts.sql {name}:" for name in ("add", "set_password", "remove"))


def statements(package, folder):
    """Yield the name and the text of each statement that reads or writes tables."""
    for file in sorted(files(package).joinpath(folder).iterdir(), key=lambda file: file.name):
        for name, text in Queries(package, f"{folder}/{file.name}").items():
            copied = COPIED.fullmatch(text)
            query = copied["query"] if copied else text
            if PLANNED.match(query):
                yield f"{file.name} {name}", query


def refused(database, role, edition):
    """Return the statements whose plan PostgreSQL would not begin as this role; it looks at the rights there."""
    found = []
    for package, folder in ROOMS[role]:
        for name, query in statements(package, folder):
            if name == "writer.sql tell" and edition != "apache":
                continue  # the function is made there alone, see must_be_told
            nothing = {word: INSTANT if word == "now" else None for word in WORDS.findall(query)}
            try:
                with database.transaction():
                    psycopg.ClientCursor(database).execute(f"EXPLAIN {query}", nothing or None)
            except psycopg.errors.InsufficientPrivilege as error:
                found.append(f"{package} {name}: {error.diag.message_primary}")
    return found


@pytest.mark.parametrize("role", ROOMS)
def test_each_statement_is_allowed(database, role, edition):
    database.execute(f"SET ROLE {role}")
    database.execute(Queries("vitrine_collector", "queries/writer.sql")["create_staging"])
    assert sum(1 for place in ROOMS[role] for _ in statements(*place)) > 20
    assert [problem for problem in refused(database, role, edition) if not problem.startswith(OF_THE_OWNER)] == []
