"""How long each installation's values are kept, and dropping what is older, day by day, with evidence.

Measurements go for good and their rollups stay; minutes may have a term of their own; hours and days stay. A day goes
as a whole (UTC), one channel at a time in a transaction of its own. What lies under a dataset that people rely on, or
in a period that is held, stays whatever the rule says; the database's own functions look at that once more.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, LiteralString

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from vitrine.errors import ConfigurationError
from vitrine_database.edition import Edition, in_force
from vitrine_database.queries import Queries

_QUERIES = Queries("vitrine_database", "sql/retention.sql")
_DAY = datetime.timedelta(days=1)
_BEGIN = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
#: Shortest term: what gateways still owe after an outage should find its day there.
LEAST = datetime.timedelta(days=7)

Kind = Literal["raw", "minutes"]
KINDS: tuple[tuple[Kind, LiteralString, LiteralString, LiteralString], ...] = (
    ("raw", "next_raw", "count_raw", "drop_raw"),
    ("minutes", "next_minutes", "count_minutes", "drop_minutes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The terms of one installation; None: for good."""

    slug: str
    raw: datetime.timedelta | None
    minutes: datetime.timedelta | None
    set_by: str
    set_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A period of which nothing is dropped."""

    number: int
    slug: str
    first_time: datetime.datetime
    last_time: datetime.datetime
    reason: str
    set_by: str
    set_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """What was dropped of a day of an installation, on one day; `kind` late: came after their day had been dropped."""

    slug: str
    kind: Literal["raw", "late", "minutes"]
    first_time: datetime.datetime
    last_time: datetime.datetime
    rows: int
    channels: int
    rule: str
    dropped_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A day of a channel that a rule lets go; `rows` is 0 until it was dropped or counted."""

    slug: str
    path: str
    kind: Kind
    day: datetime.date
    rows: int = 0


def set_rule(
    connection: psycopg.Connection, slug: str, raw: datetime.timedelta, minutes: datetime.timedelta | None = None
) -> None:
    """Keep measurements for `raw` and their minutes for `minutes`; ConfigurationError where that cannot be."""
    if raw < LEAST:
        raise ConfigurationError(
            f"measurements cannot be kept for less than {LEAST.days} days", hint="For example: --raw “400 d”"
        )
    if minutes is not None and minutes < raw:
        raise ConfigurationError(
            "minutes cannot be kept for less long than the measurements they stand for",
            hint="Name a longer --minutes, or none: then they are kept for good.",
        )
    values = {"installation": _installation(connection, slug), "raw": raw, "minutes": minutes}
    connection.execute(_QUERIES["set"], values)


def clear_rule(connection: psycopg.Connection, slug: str) -> None:
    """Keep everything of an installation from now on."""
    connection.execute(_QUERIES["clear"], {"installation": _installation(connection, slug)})


def hold(
    connection: psycopg.Connection, slug: str, first: datetime.datetime, last: datetime.datetime, reason: str
) -> int:
    """Let nothing be dropped from `first` to before `last`; return the number of the hold."""
    if first >= last:
        raise ConfigurationError("the period ends before it begins", hint="Name the earlier instant with --from.")
    if not reason.strip():
        raise ConfigurationError("a hold needs a reason, which others will read", hint="Give it with --reason.")
    values = {"installation": _installation(connection, slug), "first": first, "last": last, "reason": reason.strip()}
    row = connection.execute(_QUERIES["hold"], values).fetchone()
    assert row is not None
    return int(row[0])


def release(connection: psycopg.Connection, number: int) -> None:
    """End a hold; ConfigurationError where there is none of this number."""
    if not connection.execute(_QUERIES["release"], {"hold": number}).rowcount:
        raise ConfigurationError(
            f"there is no hold with the number {number}", hint="They are listed by: vitrine database retention show"
        )


def rules(connection: psycopg.Connection) -> list[Rule]:
    """Return the rules there are."""
    return [Rule(**row) for row in _rows(connection, "rules")]


def holds(connection: psycopg.Connection) -> list[Hold]:
    """Return the holds there are."""
    return [Hold(**row) for row in _rows(connection, "holds")]


def drops(connection: psycopg.Connection, slug: str = "", most: int = 100) -> list[Drop]:
    """Return what was dropped, the newest first, of one installation or of all."""
    return [Drop(**row) for row in _rows(connection, "drops", slug=slug, most=most)]


def due(connection: psycopg.Connection) -> Iterator[Due]:
    """Yield what the rules let go now, with its rows, and drop nothing."""
    for channel, kind, query, day in _days(connection):
        values = {"channel": channel["channel_id"], "first": day, "before": day + _DAY}
        row = connection.execute(_QUERIES[query], values).fetchone()
        assert row is not None
        yield Due(slug=channel["slug"], path=channel["path"], kind=kind, day=day.date(), rows=row[0])


def apply(connection: psycopg.Connection, going_on: Callable[[Due], bool] = lambda _: True) -> int:
    """Drop what the rules let go and return the rows; `going_on` is told each day of a channel and may end the work."""
    if in_force(connection) is Edition.COMMUNITY:
        connection.execute(_QUERIES["decompress_freely"])
    total = 0
    drop: dict[Kind, LiteralString] = {kind: query for kind, _, _, query in KINDS}
    for channel, kind, _, day in _days(connection):
        try:
            row = connection.execute(
                _QUERIES[drop[kind]], {"channel": channel["channel_id"], "day": day.date()}
            ).fetchone()
        except errors.RestrictViolation:
            continue  # protected, or kept for longer, since we looked
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"this user may not drop measurements: {error.diag.message_primary}",
                hint="Connect as the owner of the schema, or as a user to whom vitrine_writer was granted.",
            ) from error
        assert row is not None
        total += row[0]
        told = Due(slug=channel["slug"], path=channel["path"], kind=kind, day=day.date(), rows=row[0])
        if not going_on(told):
            break
    return total


def _days(connection: psycopg.Connection) -> Iterator[tuple[dict[str, Any], Kind, LiteralString, datetime.datetime]]:
    """Yield each day of a channel that holds something to drop: channel, what, the query that counts it, the day."""
    protected = _rows(connection, "protected")
    for channel in _rows(connection, "channels"):
        own = [(row["first_time"], row["last_time"]) for row in protected if _same(row, channel)]
        for kind, query, count, _ in KINDS:
            before, cursor = channel[f"{kind}_before"], _BEGIN
            while before is not None:
                values = {"channel": channel["channel_id"], "first": cursor, "before": before}
                row = connection.execute(_QUERIES[query], values).fetchone()
                if row is None:
                    break
                day = row[0].replace(hour=0, minute=0, second=0, microsecond=0)
                cursor = _after(day, own)
                if cursor == day:
                    yield channel, kind, count, day
                    cursor = day + _DAY


def _same(row: dict[str, Any], channel: dict[str, Any]) -> bool:
    return bool(row["installation_id"] == channel["installation_id"])


def _after(
    day: datetime.datetime, protected: Sequence[tuple[datetime.datetime, datetime.datetime]]
) -> datetime.datetime:
    """Return the day itself where nothing of it is protected, else the first instant of the first day behind that."""
    ends = [last for first, last in protected if first < day + _DAY and last > day]
    if not ends:
        return day
    end = max(ends)
    whole = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return whole if whole == end else whole + _DAY


def _installation(connection: psycopg.Connection, slug: str) -> int:
    row = connection.execute(_QUERIES["installation"], {"slug": slug}).fetchone()
    if row is None:
        raise ConfigurationError(
            f"there is no installation “{slug}” in this database", hint="Apply its file with: vitrine catalogue apply"
        )
    return int(row[0])


def _rows(connection: psycopg.Connection, query: LiteralString, **values: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_QUERIES[query], values or None).fetchall()
