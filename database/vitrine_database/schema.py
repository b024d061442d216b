"""The migrations: numbered `.sql` files, some of them for one edition only, and which of them were applied.

A file is named ``NNNN_name.sql`` or ``NNNN_name.<edition>.sql``; what was released is never edited again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import psycopg

from vitrine.errors import ConfigurationError, Problem
from vitrine_database.edition import Edition
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/server.sql")
_FORM = re.compile(r"(\d{4}_[a-z0-9_]+)(?:\.(plain|apache|community))?\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    name: str
    sql: str
    sha256: str


def migrations(edition: Edition) -> list[Migration]:
    """Return all steps for an edition, in their order."""
    found: dict[str, Migration] = {}
    for file in files("vitrine_database").joinpath("migrations").iterdir():
        match = _FORM.fullmatch(file.name)
        if not match:
            raise ValueError(f"migrations/{file.name} is not named like a migration")
        name, only = match.groups()
        if only in (None, edition.value):
            text = file.read_text(encoding="utf-8")
            found[name] = Migration(name, text, hashlib.sha256(text.encode()).hexdigest())
    return [found[name] for name in sorted(found)]


def applied(connection: psycopg.Connection) -> dict[str, str]:
    """Return name → SHA-256 of what was applied to this database."""
    if connection.execute(_QUERIES["has_schema"]).fetchone() != (True,):
        return {}
    return dict(connection.execute(_QUERIES["applied"]).fetchall())


def pending(steps: Sequence[Migration], done: dict[str, str]) -> list[Migration]:
    """Return the steps that are still to be applied; ConfigurationError where the database went another way."""
    known = {step.name: step.sha256 for step in steps}
    newer = sorted(set(done) - set(known))
    if newer:
        raise ConfigurationError(
            f"the database was migrated by a newer Vitrine, which knows {', '.join(newer)}",
            hint="Install the newest version of Vitrine on this machine.",
        )
    changed = [name for name, sha256 in done.items() if known[name] != sha256]
    if changed:
        raise ConfigurationError(
            "migrations were changed after they had been applied",
            hint="Install a released version of Vitrine, whose migrations are those of this database.",
            problems=[
                Problem(code="migration-changed", where=name, message="its text is not the one that was applied")
                for name in changed
            ],
        )
    return [step for step in steps if step.name not in done]
