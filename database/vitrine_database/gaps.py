"""What is missing of an installation: silences of channels, records that gateways still owe or reported lost."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from vitrine.errors import ConfigurationError
from vitrine_database.evidence import ChannelCount, Gaps, GatewayCount, LossReport, QueueCount, Reason, Silence
from vitrine_database.queries import Queries

SQL = Queries("vitrine_database", "sql/gaps.sql")
#: No more silences and losses than these are told; who finds so many needs a shorter period.
MOST = 1000
#: What is asked, each with the same parameters.
QUERIES = ("channels", "silences", "queues", "losses")


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
    return assembled(slug, span, rows)


def parameters(installation_id: int, first: datetime.datetime, last: datetime.datetime) -> dict[str, Any]:
    """Return what each query of `QUERIES` wants; of the future nothing is expected."""
    return {
        "installation": installation_id,
        "first": first,
        "last": min(last, datetime.datetime.now(datetime.UTC)),
        "most": MOST,
    }


def assembled(slug: str, span: Mapping[str, Any], rows: Mapping[str, Sequence[dict[str, Any]]]) -> Gaps:
    """Make the evidence of the rows that each query of `QUERIES` gave for `parameters`."""
    silences = tuple(_silence(row) for row in rows["silences"])
    channels = tuple(_channel(row, span["last"], silences) for row in rows["channels"])
    nodes = sorted({channel.node for channel in channels})
    return Gaps(
        installation=slug,
        first=span["first"],
        last=span["last"],
        channels=channels,
        gateways=tuple(GatewayCount.of(node, [one for one in channels if one.node == node]) for node in nodes),
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
        expected = max(row["received"], int((last - min(begins)).total_seconds() / row["period_s"]))
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
