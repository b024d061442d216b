"""What each channel measured over the last hour, day and thirty days, gathered once and kept for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Literal, LiteralString
from zoneinfo import ZoneInfo

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import PoolClosed

from vitrine.logs import logger
from vitrine_api.database import Pool, lend
from vitrine_api.portal.charts.slots import Series, Slot, Window
from vitrine_api.problems import ApiError
from vitrine_database.queries import Queries

Key = Literal["hour", "day", "month"]
KEYS: tuple[Key, ...] = ("hour", "day", "month")
#: Seconds for which a gathered window serves every visitor.
FRESH_S: Mapping[Key, float] = {"hour": 5, "day": 30, "month": 60}
#: Seconds for which it still serves while it is gathered anew beside the request; thirty days take longest to gather.
GRACE_S: Mapping[Key, float] = {"hour": 0, "day": 0, "month": 600}
#: Smallest slot of each window, and how many minutes a step may have so that slots hold whole steps.
_SLOTS: Mapping[Key, timedelta] = {
    "hour": timedelta(minutes=1),
    "day": timedelta(minutes=5),
    "month": timedelta(hours=1),
}
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360))
DAYS = 30
#: A window longer than this is gathered from the minutes.
_SHORT = timedelta(hours=2)

log = logger("portal")
_QUERIES = Queries("vitrine_api.portal", "queries/history.sql")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A channel whose history is asked for, and the seconds between two of its values."""

    channel_id: int
    period_s: float


def window(key: Key, now: datetime, zone: ZoneInfo, period_s: float = 1.0) -> Window:
    """Return the window as of now for a channel; it ends with the last whole step.

    Thirty days are civil days in the zone, the current one included.
    """
    # Twice the period, so that a value that comes a little late leaves no step empty.
    step = next((step for step in _STEPS if step.total_seconds() >= 2 * period_s), _STEPS[-1])
    slot = max(_SLOTS[key], step)
    if key == "hour":
        last = _floor(now, step)
        return Window(key, last - max(timedelta(hours=1), 12 * step), last, slot, step)
    if key == "day":
        last = _floor(now, step)
        return Window(key, _floor(now, timedelta(minutes=15)) - timedelta(hours=23, minutes=45), last, slot, step)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = (midnight - timedelta(days=DAYS - 1)).astimezone(now.tzinfo)
    return Window(key, first, max(_floor(now, step), first + step), slot, step)


def query(cut: Window) -> LiteralString:
    """Return the query of a window: a long one is gathered from rollups, a short one from the values themselves."""
    return _QUERIES["slots_from_rollups" if cut.last - cut.first > _SHORT else "slots_from_measurements"]


def arguments(cut: Window, channels: Sequence[int]) -> dict[str, object]:
    """Return what the query of a window asks for."""
    return {
        "channels": list(channels),
        "slot": cut.slot,
        "step_s": cut.step.total_seconds(),
        "steps": cut.slot // cut.step,
        "first": cut.first,
        "last": cut.last,
    }


def _floor(time: datetime, step: timedelta) -> datetime:
    seconds = step.total_seconds()
    return datetime.fromtimestamp(time.timestamp() // seconds * seconds, tz=time.tzinfo)


@dataclass(slots=True)
class _Kept:
    fresh_until: float = 0.0
    usable_until: float = 0.0
    series: dict[int, Series] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class History:
    """Gathers windows from the database; what was gathered serves for a few seconds, whoever asks."""

    def __init__(self, zone: ZoneInfo, pool: Pool) -> None:
        self._zone = zone
        self._pool = pool
        self._renewals: set[asyncio.Task[None]] = set()
        self._kept: dict[tuple[Key, tuple[int, ...]], _Kept] = {}

    async def series(
        self, connection: AsyncConnection[DictRow], key: Key, wanted: Sequence[Wanted], now: datetime
    ) -> dict[int, Series]:
        """Return one series a channel."""
        kept = self._kept.setdefault((key, tuple(item.channel_id for item in wanted)), _Kept())
        if kept.fresh_until <= monotonic() < kept.usable_until:
            if not kept.lock.locked():
                renewal = asyncio.create_task(self._renew(kept, key, wanted, now))
                self._renewals.add(renewal)
                renewal.add_done_callback(self._renewals.discard)
            return kept.series
        async with kept.lock:
            if monotonic() >= kept.fresh_until:
                await self._fill(connection, kept, key, wanted, now)
            return kept.series

    async def _renew(self, kept: _Kept, key: Key, wanted: Sequence[Wanted], now: datetime) -> None:
        try:
            async with kept.lock, lend(self._pool) as connection:
                await self._fill(connection, kept, key, wanted, now)
        except (ApiError, psycopg.Error, PoolClosed) as error:
            # The next visitor after the grace is told; this one has an answer.
            log.warning("history not renewed", window=key, reason=str(error))

    async def _fill(
        self, connection: AsyncConnection[DictRow], kept: _Kept, key: Key, wanted: Sequence[Wanted], now: datetime
    ) -> None:
        kept.series = await self._gather(connection, key, wanted, now)
        kept.fresh_until = monotonic() + FRESH_S[key]
        kept.usable_until = kept.fresh_until + GRACE_S[key]

    async def _gather(
        self, connection: AsyncConnection[DictRow], key: Key, wanted: Sequence[Wanted], now: datetime
    ) -> dict[int, Series]:
        windows = {item.channel_id: window(key, now, self._zone, item.period_s) for item in wanted}
        gathered: dict[int, Series] = {}
        # Channels with one window go together: a slow sensor's window ends with its own last whole step.
        for cut in set(windows.values()):
            channels = [channel for channel, own in windows.items() if own == cut]
            rows = await self._rows(connection, cut, channels)
            gathered |= {channel: Series.of(cut, _slots(cut, rows.get(channel, ()))) for channel in channels}
        return gathered

    async def _rows(
        self, connection: AsyncConnection[DictRow], cut: Window, channels: list[int]
    ) -> dict[int, list[DictRow]]:
        cursor = await connection.execute(query(cut), arguments(cut, channels))
        rows: dict[int, list[DictRow]] = {}
        for row in await cursor.fetchall():
            rows.setdefault(row["channel_id"], []).append(row)
        return rows


def _slots(cut: Window, rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[int, Slot]]:
    for row in rows:
        place = cut.place(row["start"])
        yield (
            place,
            Slot(
                mean=row["mean"],
                low=row["low"],
                high=row["high"],
                evaluated=row["evaluated"],
                unevaluated=row["unevaluated"],
                suspect=row["suspect"],
                fail=row["fail"],
                missing=row["missing"],
                suspect_mean=row["suspect_mean"],
                fail_value=row["fail_value"],
                parts=row["parts"],
                expected=cut.expected(place),
            ),
        )
