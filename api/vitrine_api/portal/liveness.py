"""Whether what is shown is current: links of installations and gateways, ages of values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Link = Literal["live", "late", "mute", "never"]
#: What a measurement may take from the instrument to the page beyond two expected intervals.
TRANSPORT = timedelta(seconds=5)
#: Silence after which a gateway that never said goodbye counts as mute.
MUTE = timedelta(minutes=5)
#: Smallest count of waiting records that is told as catching up.
BACKLOG = 1000


def stale_after(period_s: float | None) -> timedelta:
    """Return the age from which a value is no longer current: two expected intervals and the transport."""
    return timedelta(seconds=2 * (period_s or 1.0)) + TRANSPORT


def is_stale(time: datetime | None, period_s: float | None, now: datetime) -> bool:
    """True where a value must not pass for the present one."""
    return time is None or now - time > stale_after(period_s)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How an installation or a gateway is linked, and since when."""

    link: Link
    #: Newest measurement or message; None: never any.
    time: datetime | None

    @property
    def mark(self) -> str:
        """Symbol of the sprite."""
        return {"live": "live", "late": "late", "mute": "mute", "never": "mute"}[self.link]

    @property
    def tone(self) -> str:
        """Class that colours it: quiet while all is well."""
        return {"live": "acc", "late": "warn", "mute": "bad", "never": "open"}[self.link]


def pulse(online: bool | None, time: datetime | None, period_s: float | None, now: datetime) -> Pulse:
    """Judge a link by its newest measurement and by what its gateway said of itself."""
    if time is None:
        return Pulse("never", None)
    if not is_stale(time, period_s, now):
        return Pulse("live", time)
    return Pulse("late" if online and now - time < MUTE else "mute", time)
