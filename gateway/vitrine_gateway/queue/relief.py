"""What goes when the queue is too large: the oldest raw records are thinned, then the oldest of all are dropped."""

from __future__ import annotations

from uuid import UUID

from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway import kernel_clock
from vitrine_gateway.queue.files import Files
from vitrine_gateway.queue.limits import Limits
from vitrine_gateway.queue.losses import merged
from vitrine_gateway.queue.segment import Segment, read_segment, rewrite
from vitrine_gateway.queue.thinning import thin

_log = logger("gateway")
FULL = "the queue is full"
OLD = "older than the queue keeps records"
UNREADABLE = "damaged file"
#: Times before this one come from a clock that was not set; their age is not known.
_EARLIEST_MS = int(kernel_clock.EARLIEST * 1000)


class Relief:
    """Takes files of the queue away or makes them smaller, and tells what went with them."""

    def __init__(self, files: Files, pending: Ranges, epoch: UUID, limits: Limits) -> None:
        self._files, self._pending, self._epoch, self._limits = files, pending, epoch, limits

    def too_large(self) -> bool:
        """Tell whether the queue has more bytes than it may have."""
        return self._limits.too_large(self._files.size)

    def over(self) -> bool:
        """Tell whether the queue is larger than it may be, or the disk too full."""
        return self._limits.exceeded(self._files.size, self._files.folder)

    def step(self) -> list[Loss] | None:
        """Make the queue smaller by one file; None where only the active one is left.

        While more than half of it is raw, the oldest raw file is thinned: so the last hours stay as they were measured,
        and the time before them in minutes. After that the oldest file goes.
        """
        finished = self._files.finished
        if not finished:
            return None
        raw = [one for one in finished if not one.thinned]
        if raw and 2 * sum(one.size for one in raw) >= self._files.size:
            try:
                return self._thin(raw[0])
            except OSError as error:
                _log.warning("no room for thinned records, they are dropped", reason=str(error))
                return self._drop(raw[0], FULL)
        return self._drop(finished[0], FULL)

    def drop_older(self, now_ms: int) -> list[Loss]:
        """Drop the files whose records are all older than allowed."""
        if self._limits.max_age_s is None:
            return []
        oldest = now_ms - int(self._limits.max_age_s * 1000)
        old = [one for one in self._files.finished if _EARLIEST_MS <= one.last_ms < oldest]
        return [loss for one in old for loss in self._drop(one, OLD)]

    def holds_pending(self, segment: Segment) -> bool:
        """Tell whether a file holds a record that waits."""
        return any(self._pending.overlaps(first, last) for first, last in segment.numbers)

    def _thin(self, segment: Segment) -> list[Loss]:
        waiting = self._waiting(segment)
        frames = [frame for frame in read_segment(segment) if frame.number in waiting]
        kept, losses = thin(frames, self._epoch)
        if not losses or not kept:
            segment.thinned = True
            return []
        gone = _without(waiting, Ranges((frame.number, frame.number) for frame in frames))
        if gone:
            losses.append(Loss(self._epoch, gone, segment.first_ms, segment.last_ms, UNREADABLE))
        try:
            smaller = rewrite(segment, kept)
        except OSError:
            segment.path.unlink()  # a full disk has room for the thinned records only once the raw ones are gone
            smaller = rewrite(segment, kept)
        self._files.replace(segment, smaller)
        self._forget(losses)
        _log.info("oldest records thinned", records=sum(len(one.records) for one in losses), kept=len(kept))
        return losses

    def _drop(self, segment: Segment, reason: str) -> list[Loss]:
        waiting = self._waiting(segment)
        frames = read_segment(segment) if segment.path.exists() else []
        losses = merged(frames, waiting)
        self._files.remove(segment)
        lost = Loss(self._epoch, waiting, segment.first_ms, segment.last_ms, reason)
        self._forget([lost])
        _log.warning("oldest records dropped", reason=reason, records=str(waiting))
        return [*losses, lost]

    def _forget(self, losses: list[Loss]) -> None:
        for first, last in (pair for loss in losses for pair in loss.records):
            self._pending.remove(first, last)

    def _waiting(self, segment: Segment) -> Ranges:
        parts = (self._pending.within(first, last) for first, last in segment.numbers)
        return Ranges(pair for part in parts for pair in part)


def _without(records: Ranges, others: Ranges) -> Ranges:
    rest = Ranges(records)
    for first, last in others:
        rest.remove(first, last)
    return rest
