"""What happened to an installation that readers of its data must know: other instruments, units, configurations."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from vitrine_database.queries import Queries

#: Wants the parameters that `vitrine_database.gaps.parameters` gives, and gives the fields of `Event`.
EVENTS = Queries("vitrine_database", "sql/events.sql")["events"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change. `time` is that of the birth, or of the file, that said it.

    `kind` is configuration (SHA-256 of the file), software, queue (its epoch: the gateway begins to number anew),
    instrument (profile and what the device says of itself), or channel, where `field` says what changed.
    """

    time: datetime.datetime
    kind: str
    node: str
    #: '' for the gateway itself.
    device: str
    #: Path of the channel; '' otherwise.
    channel: str
    #: For example unit, rules, accuracy, calibration; '' where the kind says it all.
    field: str
    before: Any
    after: Any
    #: Configuration in force, where that is known.
    file_sha256: str | None
