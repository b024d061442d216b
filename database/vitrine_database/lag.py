"""How far the database is behind: rollups, the collector's last commit, background tasks; and what to do about it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from vitrine_database.edition import Edition
from vitrine_database.policy import Policy
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/status.sql")
#: A collector that writes nothing for so long, or rollups that are behind for so long, are worth a word.
_SILENT = datetime.timedelta(minutes=10)
_BEHIND = datetime.timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A regular task of the worker."""

    name: str
    last_asked: datetime.datetime | None
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What is behind, as of one moment."""

    #: When measurements were last committed, and the time of the newest one.
    committed_at: datetime.datetime | None
    newest: datetime.datetime | None
    #: Hours that are over and whose rollups are computed when they are read, and the oldest of them; elsewhere than on
    #: Community.
    stale_hours: int
    oldest_stale: datetime.datetime | None
    #: Until when each rollup is materialised, on Community; None where nothing is.
    materialised: dict[str, datetime.datetime | None]
    workers: int
    tasks: tuple[Task, ...]
    failed_jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something that is missing; `code` names its text, which says what to do."""

    code: str
    values: dict[str, object]


def lag(connection: psycopg.Connection, edition: Edition) -> Lag | None:
    """Return how far this database is behind; None where this user may not see it, or a migration is missing."""
    if connection.execute(_QUERIES["may_see_tasks"]).fetchone() != (True,):
        return None
    committed_at, newest = _row(connection, "newest")
    stale, oldest = _row(connection, "stale")
    workers, failed = _row(connection, "workers")
    marks = connection.execute(_QUERIES["watermarks"]).fetchall() if edition is Edition.COMMUNITY else []
    tasks = connection.execute(_QUERIES["tasks"]).fetchall()
    return Lag(
        committed_at=committed_at,
        newest=newest,
        stale_hours=stale,
        oldest_stale=oldest,
        materialised=dict(marks),
        workers=workers,
        tasks=tuple(Task(name=name, last_asked=asked, failed=count) for name, asked, count in tasks),
        failed_jobs=failed,
    )


def advice(
    behind: Lag | None,
    policies: Sequence[Policy],
    edition: Edition | None,
    roles: Sequence[str],
    now: datetime.datetime,
) -> Iterator[Advice]:
    """Yield what is missing in a database with a schema."""
    if len(roles) < 3:
        yield Advice(code="roles", values={})
    if edition is Edition.COMMUNITY:
        yield from _of_policies(policies, now)
    if behind is None:
        return
    if not behind.workers:
        yield Advice(code="no_worker", values={})
    if behind.failed_jobs:
        names = ", ".join(task.name for task in behind.tasks if task.failed) or "—"
        yield Advice(code="failed_jobs", values={"count": behind.failed_jobs, "names": names})
    if behind.oldest_stale is not None and now - behind.oldest_stale > _BEHIND:
        yield Advice(code="rollups_behind", values={"hours": behind.stale_hours, "oldest": _time(behind.oldest_stale)})
    if behind.committed_at is not None and now - behind.committed_at > _SILENT:
        yield Advice(code="silent", values={"since": _time(behind.committed_at)})


def _of_policies(policies: Sequence[Policy], now: datetime.datetime) -> Iterator[Advice]:
    if len(policies) < 4:
        yield Advice(code="no_policies", values={})
    for policy in policies:
        values: dict[str, object] = {"job": policy.job, "target": policy.target}
        if policy.last_status == "Failed":
            yield Advice(code="policy_failed", values=values)
        elif policy.last_success is not None and now - policy.last_success > 3 * policy.every + _SILENT:
            yield Advice(code="policy_late", values=values | {"last": _time(policy.last_success)})


def _time(time: datetime.datetime) -> str:
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _row(connection: psycopg.Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(_QUERIES[query]).fetchone()
    assert row is not None
    return row
