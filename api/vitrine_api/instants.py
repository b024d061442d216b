"""Instants and periods as a request names them: ISO 8601 with a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from vitrine_api.problems import ApiError

#: What an instant looks like, for messages.
ALLOWED = "2026-11-23T14:00:00Z"
_FORMAT = "%Y-%m-%dT%H:%M:%S"
#: PostgreSQL and Python both hold every instant between these.
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def parse_instant(text: object) -> datetime:
    """Return an instant in UTC; an error of pydantic where it is none, has no time zone or is out of all reason."""
    try:
        # In a query, the + of +00:00 reaches us as a space unless the caller wrote it as %2B.
        instant = datetime.fromisoformat(str(text).strip().replace(" ", "+" if "T" in str(text) else "T"))
        zoned = instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError) as error:
        raise PydanticCustomError("instant-invalid", "not an instant", {"allowed": ALLOWED}) from error
    if zoned is None:
        raise PydanticCustomError("instant-without-zone", "no time zone", {"allowed": instant.strftime(_FORMAT) + "Z"})
    if not _FIRST <= zoned < _LAST:
        allowed = f"{_FIRST:{_FORMAT}}Z … {_LAST:{_FORMAT}}Z"
        raise PydanticCustomError("instant-invalid", "out of range", {"allowed": allowed})
    return zoned


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [ALLOWED]}),
]
From = Annotated[
    Instant | None,
    Query(alias="from", description="Begin of the period, included; ISO 8601 with time zone."),
]
To = Annotated[
    Instant | None, Query(alias="to", description="End of the period, not included; ISO 8601 with time zone. Now.")
]


@dataclass(frozen=True, slots=True)
class Period:
    """From `first`, included, to `last`, not included; both UTC."""

    first: datetime
    last: datetime


def period(first: datetime | None, last: datetime | None, *, default: timedelta, limit: timedelta) -> Period:
    """Fill in what was left out; problem 422 where the period is empty or longer than the limit."""
    last = last or datetime.now(UTC)
    first = first or last - default
    if first >= last:
        raise ApiError("range-empty", 422, first=stamp(first), last=stamp(last))
    if last - first > limit:
        raise ApiError("range-too-long", 422, days=-(-(last - first) // timedelta(days=1)), limit=limit.days)
    return Period(first, last)


def stamp(instant: datetime) -> str:
    """Write an instant the way the interface does: ISO 8601, UTC, Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
