"""What is missing of an installation: silences of channels, records that gateways still owe or reported lost."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from vitrine.errors import ConfigurationError
from vitrine_database.queries import Queries

SQL = Queries("vitrine_database", "sql/gaps.sql")
#: No more silences and losses than these are told; who finds so many needs a shorter period.
MOST = 1000
#: What is asked, each with the same parameters.
QUERIES = ("channels", "silences", "queues", "losses")

Reason = Literal["lost", "awaited", "dropped", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCount:
    """What one channel holds in the period."""

    path: str
    period_s: float | None
    #: Rows that its cadence lets expect; None where it declares no cadence.
    expected: int | None
    received: int
    #: Rows that say why there is no value.
    empty: int
    first_value: datetime.datetime | None
    last_value: datetime.datetime | None
    #: Of what its cadence lets expect: not there, and of that what its gateway lost or still owes, and what retention
    #: dropped.
    missing: int | None
    lost: int
    awaited: int
    dropped: int
    #: Rows of the hours that the period touches which came more than five minutes after their time, and which were
    #: dated once the gateway's clock was right.
    late: int
    restamped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A stretch of a channel without any row, longer than two and a half periods."""

    path: str
    first_time: datetime.datetime
    last_time: datetime.datetime
    seconds: float
    #: Rows that its cadence lets expect in between.
    expected: int
    reason: Reason
    #: The gateway's words where records of that time are lost, else ''.
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCount:
    """What is known of the numbered records of one queue of a gateway; the sets as PostgreSQL writes multiranges."""

    node: str
    epoch: str
    held: str
    lost: str
    awaited: str
    held_count: int
    lost_count: int
    awaited_count: int
    repeated: int
    restamped: int
    uncertain: int

    @property
    def expected_count(self) -> int:
        """Count the records that the gateway has numbered, as far as that is known here."""
        return self.held_count + self.lost_count + self.awaited_count


@dataclass(frozen=True, slots=True, kw_only=True)
class LossReport:
    """Records that a gateway reported lost."""

    node: str
    epoch: str
    records: str
    first_time: datetime.datetime
    last_time: datetime.datetime
    reason: str
    reported_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """The evidence of one installation and period."""

    installation: str
    first: datetime.datetime
    last: datetime.datetime
    channels: tuple[ChannelCount, ...]
    silences: tuple[Silence, ...]
    queues: tuple[QueueCount, ...]
    losses: tuple[LossReport, ...]

    @property
    def complete(self) -> bool:
        """True where nothing is missing and no gateway owes anything."""
        return not self.silences and not self.losses and not any(queue.awaited_count for queue in self.queues)


def gaps(connection: psycopg.Connection, slug: str, first: datetime.datetime, last: datetime.datetime) -> Gaps:
    """Return what is missing from `first` to before `last`; ConfigurationError where there is no such installation."""
    row = connection.execute(SQL["installation"], {"slug": slug}).fetchone()
    if row is None:
        raise ConfigurationError(
            f"there is no installation “{slug}” in this database", hint="Apply its file with: vitrine catalogue apply"
        )
    span = parameters(row[0], first, last)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = {query: cursor.execute(SQL[query], span).fetchall() for query in QUERIES}
    return assembled(slug, first, last, rows)


def parameters(installation_id: int, first: datetime.datetime, last: datetime.datetime) -> dict[str, object]:
    """Return what each query of `QUERIES` wants; of the future nothing is expected."""
    return {
        "installation": installation_id,
        "first": first,
        "last": min(last, datetime.datetime.now(datetime.UTC)),
        "most": MOST,
    }


def assembled(
    slug: str, first: datetime.datetime, last: datetime.datetime, rows: Mapping[str, Sequence[dict[str, Any]]]
) -> Gaps:
    """Make the evidence of the rows of each query of `QUERIES`."""
    silences = tuple(_silence(row) for row in rows["silences"])
    return Gaps(
        installation=slug,
        first=first,
        last=last,
        channels=tuple(_channel(row, last, silences) for row in rows["channels"]),
        silences=silences,
        queues=tuple(QueueCount(**row) for row in rows["queues"]),
        losses=tuple(LossReport(**row) for row in rows["losses"]),
    )


def _channel(row: dict[str, Any], last: datetime.datetime, silences: Sequence[Silence]) -> ChannelCount:
    own = [silence for silence in silences if silence.path == row["path"]]
    gone = [silence for silence in own if silence.reason == "dropped"]
    begins = [row["first_value"]] if row["first_value"] is not None else []
    begins += [silence.first_time for silence in gone]
    expected = None
    if row["period_s"] and begins:
        end = min(last, datetime.datetime.now(datetime.UTC))
        expected = max(row["received"], int((end - min(begins)).total_seconds() / row["period_s"]))
    return ChannelCount(
        **row,
        expected=expected,
        missing=None if expected is None else expected - row["received"],
        lost=sum(silence.expected for silence in own if silence.reason == "lost"),
        awaited=sum(silence.expected for silence in own if silence.reason == "awaited"),
        dropped=sum(silence.expected for silence in gone),
    )


def _silence(row: dict[str, Any]) -> Silence:
    known = {key: value for key, value in row.items() if key not in ("lost", "awaited", "dropped")}
    reason: Reason = "lost" if row["lost"] is not None else "awaited" if row["awaited"] else "unknown"
    if row["dropped"]:  # by the term of the installation, whatever else happened then
        return Silence(**known, reason="dropped", detail="")
    return Silence(**known, reason=reason, detail=row["lost"] or "")
