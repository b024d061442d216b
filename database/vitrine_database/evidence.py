"""The evidence of what an installation holds in a period, what it lacks, and what is known of the reason."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Reason = Literal["lost", "awaited", "dropped", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows of a period."""

    #: Rows that the cadence lets expect; None where no cadence is declared.
    expected: int | None
    received: int
    #: Rows that say why there is no value.
    empty: int
    #: Of what the cadence lets expect: not there, and of that what the gateway lost or still owes, and what retention
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
class ChannelCount(Counts):
    """What one channel holds in the period."""

    path: str
    node: str
    period_s: float | None
    first_value: datetime.datetime | None
    last_value: datetime.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCount(Counts):
    """What the channels of one gateway hold in the period, taken together."""

    node: str
    channels: int

    @classmethod
    def of(cls, node: str, channels: Sequence[ChannelCount]) -> GatewayCount:
        """Add up its channels; those without a cadence add nothing to what is expected and missing."""
        steady = [one for one in channels if one.expected is not None]
        return cls(
            node=node,
            channels=len(channels),
            expected=sum(one.expected or 0 for one in steady) if steady else None,
            received=sum(one.received for one in channels),
            empty=sum(one.empty for one in channels),
            missing=sum(one.missing or 0 for one in steady) if steady else None,
            lost=sum(one.lost for one in channels),
            awaited=sum(one.awaited for one in channels),
            dropped=sum(one.dropped for one in channels),
            late=sum(one.late for one in channels),
            restamped=sum(one.restamped for one in channels),
        )


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
    gateways: tuple[GatewayCount, ...]
    silences: tuple[Silence, ...]
    queues: tuple[QueueCount, ...]
    losses: tuple[LossReport, ...]

    @property
    def complete(self) -> bool:
        """True where nothing is missing and no gateway owes anything."""
        return not self.silences and not self.losses and not any(queue.awaited_count for queue in self.queues)
