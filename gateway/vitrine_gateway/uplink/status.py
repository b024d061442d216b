"""What the uplink tells of itself: for the health metrics, the local page and the technician."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HostWord = Literal["online", "offline", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkStatus:
    """The uplink as it stands now; counters begin with the process."""

    #: Whether the births were sent in a connection that still stands.
    connected: bool
    #: ``host:port`` of the broker in use, or tried last.
    broker: str
    #: Since when it is as `connected` says, UTC.
    since: datetime
    #: Connections that were born after the first one.
    reconnects: int
    #: Records sent in this connection and not yet confirmed, and all that wait in the queue.
    in_flight: int
    unacked: int
    #: Seconds since the last confirmation; None where none came yet.
    last_ack_age_s: float | None
    #: Confirmations, of the host or of the broker, as `delivery` says.
    acks: int
    #: Records sent again because no answer came in time.
    resent: int
    #: Acknowledgements of another queue than this one, which were ignored.
    foreign_acks: int
    #: Births that a host asked for.
    rebirths: int
    #: What the host application last said of itself in this connection.
    host_state: HostWord
    #: Keys of the devices whose death was told because they no longer answer.
    devices_lost: tuple[str, ...]
    #: Why it is not connected, in English; '' where it is.
    reason: str
    #: Sign that another gateway works with this one's identity, in English; '' where there was none lately.
    conflict: str
