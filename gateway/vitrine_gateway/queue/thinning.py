"""One record a minute instead of all of them, and one-minute statistics of those that go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from vitrine.errors import PayloadError
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue.frame import Frame, Kind
from vitrine_gateway.record import Record
from vitrine_gateway.record_bytes import decode

#: Reason of these reports.
THINNED = "thinned"
_MINUTE_MS = 60_000
#: Channel-minutes in one report; it then stays within some 4 kB.
_ROWS = 60


@dataclass(slots=True)
class _Spread:
    """Count, sum, least and greatest of the values of one channel in one minute."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    greatest: float = float("-inf")

    def take(self, value: float) -> None:
        self.count, self.total = self.count + 1, self.total + value
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)

    def row(self, minute: int) -> list[float]:
        return [minute * 60, self.count, self.total / self.count, self.least, self.greatest]


@dataclass(slots=True)
class _Minute:
    """The records of one device in one minute."""

    frames: list[Frame] = field(default_factory=list)
    spreads: dict[str, _Spread] = field(default_factory=dict)

    def take(self, frame: Frame, record: Record) -> None:
        self.frames.append(frame)
        for value in record.values:
            if value.value is not None:
                self.spreads.setdefault(f"{record.device}/{value.channel}", _Spread()).take(value.value)


def thin(frames: Iterable[Frame], epoch: UUID) -> tuple[list[Frame], list[Loss]]:
    """Return the frames to keep, in the order of their numbers, and the reports of the others.

    Of each device and minute the last record stays as it was measured, so no value is altered. The statistics are over
    all values of that minute in these frames, the kept one included. Reports, and records that cannot be read, stay.
    """
    kept: list[Frame] = []
    minutes: dict[tuple[str, int], _Minute] = {}
    for frame in frames:
        record = _record(frame)
        if record is None:
            kept.append(frame)
        else:
            minutes.setdefault((record.device, frame.time_ms // _MINUTE_MS), _Minute()).take(frame, record)
    kept += [minute.frames[-1] for minute in minutes.values()]
    return sorted(kept, key=lambda frame: frame.number), list(_reports(minutes, epoch))


def _record(frame: Frame) -> Record | None:
    if frame.kind is not Kind.SAMPLE:
        return None
    try:
        return decode(frame.body)
    except PayloadError:
        return None  # the uplink reports it when its turn comes


def _reports(minutes: dict[tuple[str, int], _Minute], epoch: UUID) -> Iterable[Loss]:
    batch: list[tuple[int, _Minute]] = []
    rows = 0
    for (_, number), minute in minutes.items():
        if len(minute.frames) < 2:
            continue
        if batch and rows + len(minute.spreads) > _ROWS:
            yield _report(batch, epoch)
            batch, rows = [], 0
        batch.append((number, minute))
        rows += len(minute.spreads)
    if batch:
        yield _report(batch, epoch)


def _report(batch: list[tuple[int, _Minute]], epoch: UUID) -> Loss:
    gone = [frame for _, minute in batch for frame in minute.frames[:-1]]
    statistics: dict[str, list[list[float]]] = {}
    for number, minute in batch:
        for channel, spread in minute.spreads.items():
            statistics.setdefault(channel, []).append(spread.row(number))
    times = [frame.time_ms for frame in gone]
    records = Ranges((frame.number, frame.number) for frame in gone)
    return Loss(epoch, records, min(times), max(times), THINNED, statistics)
