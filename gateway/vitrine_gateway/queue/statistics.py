"""What the queue says of itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

_DAY_S = 86_400.0
#: No rate is told before so many seconds.
_SETTLING_S = 60.0


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """The queue at one moment; counts and bytes written are since the start of the process."""

    #: Records that wait for their acknowledgement, and the time of the oldest in milliseconds since 1970.
    depth: int
    oldest_ms: int | None
    #: Bytes of its files.
    bytes: int
    #: The last record that the disk is known to hold: a power cut takes none up to it.
    durable: int
    #: Bytes given to the system, and bytes of the blocks of 4 KiB that the disk was made to write with them, without
    #: the journal of the file system.
    written_bytes_total: int
    disk_bytes_total: int
    #: The latter carried on to a day; None within the first minute.
    written_per_day: float | None
    #: Stretches of files that could not be read and were stepped over.
    skipped: int
    #: Records given up; thinned and unwritten ones are among them.
    lost: int
    thinned: int
    unwritten: int


def per_day(total: int, since: float) -> float | None:
    """Carry a count on to a day; `since` is an instant of the monotonic clock."""
    elapsed = time.monotonic() - since
    return total / elapsed * _DAY_S if elapsed >= _SETTLING_S else None
