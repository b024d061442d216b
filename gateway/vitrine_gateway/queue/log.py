"""Appending, reading and settling the numbered records on disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue import state as states
from vitrine_gateway.queue.files import Files
from vitrine_gateway.queue.frame import BLOCK_BYTES, Frame, Kind
from vitrine_gateway.queue.limits import Limits
from vitrine_gateway.queue.losses import UNWRITTEN, Losses
from vitrine_gateway.queue.recovery import recover
from vitrine_gateway.queue.relief import UNREADABLE, Relief
from vitrine_gateway.queue.segment import Segment
from vitrine_gateway.queue.statistics import QueueStatistics, per_day
from vitrine_gateway.queue.thinning import THINNED

_log = logger("gateway")
SEGMENT_BYTES = 1 << 19
#: Seconds until settled numbers are written down; after a crash the records of this time are sent once more.
_SETTLED_EVERY = 120.0
#: Reason of the report of numbers that were set aside when the power failed.
SET_ASIDE = "power cut: numbers of the last seconds, or never used"
_RECENT = 4096
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Queue:
    """Numbered records in a folder. Not for several threads, but for `flush`."""

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        boot: str,
        segment_bytes: int = SEGMENT_BYTES,
        max_age_s: float | None = None,
        keep_free: int = 0,
        before_removal: Callable[[], None] | None = None,
    ) -> None:
        """Open a queue; `before_removal` is called with everything on the disk, before settled records go."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._before_removal = folder, before_removal
        self._lock = _lock(folder)
        found = recover(folder, boot)
        self._state, self._next = found.state, found.following
        self._state.boot, self._state.closed_at = boot, 0
        self._pending = Ranges(pair for segment in found.segments for pair in segment.numbers)
        for first, last in self._state.settled:
            self._pending.remove(first, last)
        self._files = Files(folder, self.epoch, found.segments, min(segment_bytes, max_bytes // 8))
        self._relief = Relief(self._files, self._pending, self.epoch, Limits(max_bytes, max_age_s, keep_free))
        self._losses, self._telling, self._dirty = Losses(), False, False
        self._recent: OrderedDict[int, int] = OrderedDict()
        self.damaged, self._lost, self._thinned, self._unwritten = found.damaged, 0, 0, 0
        self._began = self._saved = time.monotonic()
        self._make_room(lambda: self._files.begin(self._next))
        self.durable = self.last_number
        self._remove_settled(self._files.finished)
        self._give_up(found.missing, self._times(found.missing), UNREADABLE)
        self._give_up(found.set_aside, self._times(found.set_aside), SET_ASIDE)
        self._relieve()

    @property
    def epoch(self) -> UUID:
        """Identity of this queue, for as long as its folder lives."""
        return self._state.epoch

    @property
    def pending(self) -> Ranges:
        """Numbers that wait for their acknowledgement; not to be changed."""
        return self._pending

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._files.size

    @property
    def bytes_written(self) -> int:
        """Bytes given to the system since the start."""
        return self._files.bytes_written

    @property
    def last_number(self) -> int:
        """The last number given away, 0 in a new queue."""
        return self._next - 1

    def append(self, body: bytes, time_ms: int) -> Frame:
        """Write a record and return it with its number.

        On a full disk the oldest records make room. Where the disk still does not take it, its number is reported as
        lost as soon as there is room, and OSError raised.
        """
        frame = Frame(self._next, time_ms, Kind.SAMPLE, body)
        try:
            self._place(frame)
        except OSError:
            self._next = frame.number + 1
            self._unwritten += 1
            lost = Ranges([(frame.number, frame.number)])
            self._losses.refused(frame, Loss(self.epoch, lost, time_ms, time_ms, UNWRITTEN))
            raise
        self._tell()
        if self._relief.too_large():  # the room on the disk is looked at by `maintain`
            self._relieve()
        return frame

    def fill(self) -> None:
        """Fill the last block of the disk up where that spares the next flush one; to be called before a flush."""
        with contextlib.suppress(OSError):  # a disk without room takes the records all the same
            self._files.fill()

    def flush(self) -> None:
        """Wait until the disk holds all that was appended; may run in a thread of its own."""
        last = self.last_number
        self._files.sync()
        self.durable = max(self.durable, last)

    def settle(self, records: Ranges) -> None:
        """Take records as delivered: files that hold only such are removed."""
        touched: list[Segment] = []
        for first, last in records:
            last = min(last, self.last_number)
            if first <= last:
                touched += [one for one in self._files.finished if one.numbers.overlaps(first, last)]
                self._state.settled.add(first, last)
                self._pending.remove(first, last)
                self._dirty = True
        self._remove_settled(touched)

    def maintain(self, now_ms: int | None = None) -> None:
        """Write settled numbers down now and then, keep the limits; `now_ms` only where the time is known for sure."""
        try:
            if self._dirty and time.monotonic() - self._saved >= _SETTLED_EVERY:
                self._save()
        except OSError as error:
            _log.warning("the disk does not take the state of the queue", reason=str(error))
        if now_ms is not None:
            self._losses.add(self._relief.drop_older(now_ms))
        self._relieve()

    def read(self, numbers: Iterable[int]) -> list[Frame]:
        """Return records by their numbers; those that can no longer be read are reported as lost."""
        found, gone = [], Ranges()
        for number in numbers:
            frame = self._files.frame(number)
            if frame is not None:
                found.append(frame)
            elif number in self._pending:
                gone.add(number)
        if gone:
            self.damaged += 1
            self._give_up(gone, self._times(gone), UNREADABLE)
        return found

    def report_lost(self, records: Ranges, times: tuple[int, int], reason: str) -> None:
        """Give records up, and queue the report that says so."""
        self._give_up(records, times, reason)

    def oldest_ms(self) -> int | None:
        """Return the time of the oldest record that waits; None where none does."""
        if not self._pending:
            return None
        first = self._pending.lowest
        if first in self._recent:
            return self._recent[first]
        frame = self._files.frame(first)
        return frame.time_ms if frame else None

    def statistics(self) -> QueueStatistics:
        """Return what is known of the queue."""
        disk = self._files.bytes_on_disk
        return QueueStatistics(
            depth=len(self._pending),
            oldest_ms=self.oldest_ms(),
            bytes=self.size,
            durable=self.durable,
            written_bytes_total=self._files.bytes_written,
            disk_bytes_total=disk,
            written_per_day=per_day(disk, self._began),
            skipped=self.damaged,
            lost=self._lost,
            thinned=self._thinned,
            unwritten=self._unwritten,
        )

    def close(self) -> None:
        """Make everything safe on disk and let another process have the folder."""
        try:
            self.flush()
            self._state.closed_at = self.last_number
            self._save()
        except OSError as error:
            _log.error("the queue could not be closed properly", reason=str(error))
        self._files.close()
        os.close(self._lock)

    # --- writing -----------------------------------------------------------------------------------------------------

    def _place(self, frame: Frame) -> None:
        self._make_room(lambda: self._try(frame))

    def _make_room(self, write: Callable[[], None]) -> None:
        """Write, and give the oldest up while the disk is full."""
        while True:
            try:
                write()
            except OSError as error:
                if error.errno not in _FULL or not self._step():
                    raise
            else:
                return

    def _try(self, frame: Frame) -> None:
        if frame.number > self._state.reserved:
            self._reserve(frame.number)
        if not self._files.has_room(frame.size):
            self._files.roll(frame.number)
            self._save()
            self._remove_settled(self._files.finished[-1:])
        self._files.write(frame)
        self._next = frame.number + 1
        self._pending.add(frame.number)
        self._recent[frame.number] = frame.time_ms
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _reserve(self, number: int) -> None:
        before = self._state.reserved
        while self._state.reserved < number:
            self._state.reserved += states.BLOCK
        try:
            self._save()
        except OSError:
            self._state.reserved = before
            raise

    def _save(self) -> None:
        states.save(self._folder, self._state)
        self._files.bytes_on_disk += BLOCK_BYTES
        self._saved, self._dirty = time.monotonic(), False

    # --- losses ------------------------------------------------------------------------------------------------------

    def _give_up(self, records: Ranges, times: tuple[int, int], reason: str) -> None:
        for first, last in records:
            self._pending.remove(first, last)
        self._losses.add([Loss(self.epoch, Ranges(records), *times, reason)])
        self._tell()

    def _tell(self) -> None:
        """Queue the reports that wait; those that the disk does not take wait on."""
        if self._telling or not self._losses:
            return
        self._telling = True
        try:
            while self._losses:
                loss = self._losses.next()
                self._place(Frame(self._next, loss.last_ms, Kind.LOSS, loss.to_json().encode()))
                self._losses.told(loss)
                self._note(loss)
            self.flush()
            self._save()
        except OSError as error:
            _log.warning("losses cannot be reported yet", reason=str(error))
        finally:
            self._telling = False

    def _note(self, loss: Loss) -> None:
        if loss.epoch != self.epoch:
            return
        fresh = len(loss.records)
        for first, last in loss.records:
            fresh -= len(self._state.settled.within(first, last))
            self._state.settled.add(first, last)
            self._pending.remove(first, last)
        self._lost += fresh
        self._thinned += fresh if loss.reason == THINNED else 0

    # --- giving space back -------------------------------------------------------------------------------------------

    def _relieve(self) -> None:
        while self._relief.over() and self._step():
            pass
        self._tell()

    def _step(self) -> bool:
        """Thin or drop the oldest file; False where only the active one is left."""
        losses = self._relief.step()
        self._losses.add(losses or [])
        return losses is not None

    def _remove_settled(self, segments: Iterable[Segment]) -> None:
        done = {one.path: one for one in segments if not self._relief.holds_pending(one)}
        if done:
            if self._before_removal:
                self._files.sync()
                self._before_removal()
            self._save()
            for segment in done.values():
                self._files.remove(segment)

    def _times(self, records: Ranges) -> tuple[int, int]:
        """Return between which times records were made, from the files beside the gap."""
        now = int(time.time() * 1000)
        if not records:
            return now, now
        segments = [one for one in self._files.segments if one.numbers]
        before = [one.last_ms for one in segments if one.numbers.lowest < records.lowest]
        after = [one.first_ms for one in segments if one.numbers.highest > records.highest]
        return (before[-1] if before else after[0] if after else now), (after[0] if after else now)


def _lock(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise ConfigurationError(
            f"another gateway already works with the queue in {folder}",
            hint="Stop it first, or name another folder with --data-dir.",
        ) from error
    return handle
