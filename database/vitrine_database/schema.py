"""The migrations: numbered `.sql` files, some of them for certain editions only, and which of them were applied.

A file is named ``NNNN_name[.edition[-edition]][.post].sql``; what was released is never edited again. Those without
``post`` come before the software is replaced: what they leave serves the old version and the new one. Those with
``post`` come after. A file whose first line is ``-- transaction: none`` holds statements that no transaction can hold,
each of which may be repeated; they are parted by empty lines.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import psycopg

from vitrine.errors import ConfigurationError, Problem
from vitrine_database.edition import Edition
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/server.sql")
_FORM = re.compile(r"(\d{4}_[a-z0-9_]+)(?:\.((?:-?(?:plain|apache|community)\b)+))?(\.post)?\.sql")
_FREE = "-- transaction: none\n"

#: Before the software is replaced, or after.
Stage = Literal["pre", "post"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    name: str
    sql: str
    sha256: str
    stage: Stage = "pre"

    @property
    def transactional(self) -> bool:
        """True where the step is taken as a whole or not at all."""
        return not self.sql.startswith(_FREE)

    def statements(self) -> list[str]:
        """Return the statements of a step that no transaction can hold."""
        parts = re.split(r"\n\s*\n", self.sql.removeprefix(_FREE))
        return [part for part in parts if re.search(r"^(?!--)\S", part, re.MULTILINE)]


@dataclass(frozen=True, slots=True)
class Applied:
    """What the database says of a step that was taken."""

    sha256: str
    stage: Stage = "pre"


def migrations(edition: Edition) -> list[Migration]:
    """Return all steps for an edition, in their order."""
    found: dict[str, Migration] = {}
    for file in files("vitrine_database").joinpath("migrations").iterdir():
        match = _FORM.fullmatch(file.name)
        if not match:
            raise ValueError(f"migrations/{file.name} is not named like a migration")
        name, only, post = match.groups()
        if only is None or edition.value in only.split("-"):
            text = file.read_text(encoding="utf-8")
            stage: Stage = "post" if post else "pre"
            found[name] = Migration(name, text, hashlib.sha256(text.encode()).hexdigest(), stage)
    return [found[name] for name in sorted(found)]


def applied(connection: psycopg.Connection) -> dict[str, Applied]:
    """Return what was applied to this database, by name."""
    if connection.execute(_QUERIES["has_schema"]).fetchone() != (True,):
        return {}
    rows = connection.execute(_QUERIES["applied"]).fetchall()
    return {name: Applied(sha256, stage) for name, sha256, stage in rows}


def pending(steps: Sequence[Migration], done: Mapping[str, Applied]) -> list[Migration]:
    """Return the steps that are still to be applied; ConfigurationError where the database went another way."""
    known = {step.name: step.sha256 for step in steps}
    if newer := sorted(set(done) - set(known)):
        raise _newer(newer)
    changed = [name for name, step in done.items() if known[name] != step.sha256]
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


def wanted(missing: Sequence[Migration], stage: Stage | None) -> list[Migration]:
    """Return which of the missing steps a run takes: all of them, or those of one stage.

    ConfigurationError where steps of an earlier version that come after its software are missing, or where those that
    come before the software are to be left out.
    """
    if stage is None:
        return list(missing)
    chosen = [step for step in missing if step.stage == stage]
    before = [step.name for step in missing[: missing.index(chosen[-1])] if step.stage != stage] if chosen else []
    if before and stage == "pre":
        raise ConfigurationError(
            f"an earlier upgrade was not finished: {', '.join(before)} comes before {chosen[-1].name}",
            hint="Stop everything that uses the database and migrate without --pre.",
        )
    if before:
        raise ConfigurationError(
            f"the steps that come before the software's upgrade are missing: {', '.join(before)}",
            hint="Take them first: vitrine database migrate --pre",
        )
    return chosen


def check(connection: psycopg.Connection, edition: Edition | None) -> None:
    """Raise ConfigurationError where this version cannot work with the schema as it stands.

    Steps of a newer version that come before its software are no hindrance: they serve the version before too.
    """
    if edition is None:
        raise ConfigurationError("the database has no schema yet", hint="Run: vitrine database migrate")
    done, steps = applied(connection), migrations(edition)
    known = {step.name for step in steps}
    if newer := sorted(name for name, step in done.items() if name not in known and step.stage == "post"):
        raise _newer(newer)
    if missing := [step.name for step in steps if step.stage == "pre" and step.name not in done]:
        raise ConfigurationError(
            f"the schema of the database is older than this version: {', '.join(missing)} is missing",
            hint="Run: vitrine database migrate (with --pre while the version before is still at work)",
        )


def _newer(names: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the database was migrated by a newer Vitrine, which knows {', '.join(names)}",
        hint="Install the newest version of Vitrine on this machine.",
    )
