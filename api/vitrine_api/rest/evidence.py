"""What is missing of an installation, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, Field

from vitrine_api.database import Connection
from vitrine_api.evidence import events_of, gaps_of
from vitrine_api.instants import From, To, period
from vitrine_api.rest.catalogue import ranges
from vitrine_api.rest.requests import InstallationId, Slug, problems
from vitrine_database.events import Event
from vitrine_database.evidence import ChannelCount, GatewayCount, LossReport, QueueCount, Silence

router = APIRouter(tags=["evidence"])
#: Longest period whose silences are looked for in one request: every row of it is read.
LIMIT = timedelta(days=7)


class QueueEvidence(BaseModel):
    """Numbered records of one queue of a gateway; each set as first and last numbers, both included."""

    node: str = Field(examples=["pi-uf-01"])
    epoch: str
    expected: int = Field(description="Records that the gateway has numbered, as far as is known.")
    held: list[tuple[int, int]]
    awaited: list[tuple[int, int]] = Field(description="Not there, and not reported lost.")
    lost: list[tuple[int, int]]
    repeated: int = Field(description="Came again and were not written again.")
    restamped: int = Field(description="Dated after the gateway's clock was right.")
    uncertain: int = Field(description="Of uncertain time.")

    @classmethod
    def of(cls, queue: QueueCount) -> QueueEvidence:
        """Make it of what the database counts."""
        return cls(
            node=queue.node,
            epoch=queue.epoch,
            expected=queue.expected_count,
            held=ranges(queue.held),
            awaited=ranges(queue.awaited),
            lost=ranges(queue.lost),
            repeated=queue.repeated,
            restamped=queue.restamped,
            uncertain=queue.uncertain,
        )


class Evidence(BaseModel):
    """What an installation held in a period, what it did not, and what is known of the reasons."""

    installation: str = Field(examples=["pilote-uf"])
    first: datetime
    last: datetime
    complete: bool = Field(description="Nothing is missing, and no gateway owes anything.")
    channels: list[ChannelCount]
    gateways: list[GatewayCount] = Field(description="The same of each gateway's channels, taken together.")
    silences: list[Silence] = Field(description="Stretches without any row, longer than two and a half periods.")
    queues: list[QueueEvidence]
    losses: list[LossReport]


class EventPage(BaseModel):
    """What changed in a period."""

    installation: str = Field(examples=["pilote-uf"])
    first: datetime
    last: datetime
    events: list[Event] = Field(description="In their order; at most a thousand.")


@router.get("/installations/{slug}/events", responses=problems(404))
async def events(
    slug: Slug, installation_id: InstallationId, connection: Connection, first: From = None, last: To = None
) -> EventPage:
    """Tell what readers of the data must know besides the values: a configuration, instrument or unit that changed.

    Thirty days where no period is said, at most ten years.
    """
    asked = period(first, last, default=timedelta(days=30), limit=timedelta(days=3653))
    return EventPage(
        installation=slug,
        first=asked.first,
        last=asked.last,
        events=await events_of(connection, installation_id, asked.first, asked.last),
    )


@router.get("/installations/{slug}/gaps", responses=problems(404))
async def gaps(
    slug: Slug, installation_id: InstallationId, connection: Connection, first: From = None, last: To = None
) -> Evidence:
    """Tell what is missing and why; a day where no period is said, at most seven days."""
    asked = period(first, last, default=timedelta(days=1), limit=LIMIT)
    found = await gaps_of(connection, slug, installation_id, asked.first, asked.last)
    return Evidence(
        installation=slug,
        first=found.first,
        last=found.last,
        complete=found.complete,
        channels=list(found.channels),
        gateways=list(found.gateways),
        silences=list(found.silences),
        queues=[QueueEvidence.of(queue) for queue in found.queues],
        losses=list(found.losses),
    )
