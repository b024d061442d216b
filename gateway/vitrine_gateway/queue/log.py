"""Appending, reading and settling the numbered records on disk."""

from __future__ import annotations

import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue import state as states
from vitrine_gateway.queue.frame import Frame, Kind
from vitrine_gateway.queue.recovery import recover
from vitrine_gateway.queue.segment import Segment, create, read_segment

_log = logger("gateway")
SEGMENT_BYTES = 1 << 20
#: Seconds until settled numbers are written down; after a crash the records of this time are sent once more.
_SETTLED_EVERY = 30.0
_RECENT = 4096


class Queue:
    """Numbered records in a folder. Not for several threads, but for `flush`."""

    def __init__(self, folder: Path, *, max_bytes: int, boot: str, segment_bytes: int = SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._max_bytes = folder, max_bytes
        self._segment_bytes = min(segment_bytes, max_bytes // 8)
        self._lock = _lock(folder)
        found = recover(folder, boot)
        self._state, self._segments, self._next = found.state, found.segments, found.following
        self.damaged = found.damaged
        self.bytes_written = 0
        self._pending = Ranges(pair for segment in self._segments for pair in segment.numbers)
        for first, last in self._state.settled:
            self._pending.remove(first, last)
        self._recent: OrderedDict[int, int] = OrderedDict()
        self._read: tuple[Path, int, dict[int, Frame]] | None = None
        self._unwritten, self._dropping, self._dirty = Ranges(), False, False
        self._state.boot, self._state.closed_at = boot, 0
        self._reserve()
        self._saved = time.monotonic()
        self._remove_empty()
        self._segment = self._begin()
        self._file = os.open(self._segment.path, os.O_WRONLY | os.O_APPEND)
        if found.missing:
            self._report(found.missing, self._times(found.missing), "power cut or damaged file")
        self._remove_settled()

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
        return sum(segment.size for segment in self._segments)

    @property
    def last_number(self) -> int:
        """The last number given away, 0 in a new queue."""
        return self._next - 1

    def append(self, body: bytes, time_ms: int, kind: Kind = Kind.SAMPLE) -> Frame:
        """Write a record and return it with its number.

        Where the disk does not take it, its number is reported as lost as soon as there is room, and OSError raised.
        """
        if self._next > self._state.reserved:
            self._reserve()
        frame = Frame(self._next, time_ms, kind, body)
        self._next += 1
        try:
            self._write(frame)
        except OSError:
            self._unwritten.add(frame.number)
            raise
        if self._unwritten and not self._dropping:
            lost, self._unwritten = self._unwritten, Ranges()
            self._report(lost, (time_ms, time_ms), "the disk did not take them")
        self._limit()
        return frame

    def flush(self) -> None:
        """Wait until the disk holds all that was appended; may run in a thread of its own."""
        handle = os.dup(self._file)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def settle(self, records: Ranges) -> None:
        """Take records as delivered: files that hold only such are removed."""
        for first, last in records:
            last = min(last, self.last_number)
            if first <= last:
                self._state.settled.add(first, last)
                self._pending.remove(first, last)
                self._dirty = True
        self._remove_settled()

    def maintain(self) -> None:
        """Write settled numbers down now and then."""
        if self._dirty and time.monotonic() - self._saved >= _SETTLED_EVERY:
            self._save()

    def read(self, numbers: Iterable[int]) -> list[Frame]:
        """Return records by their numbers; those that can no longer be read are reported as lost."""
        found, gone = [], Ranges()
        for number in numbers:
            frame = self._frame(number)
            if frame is not None:
                found.append(frame)
            elif number in self._pending:
                gone.add(number)
        if gone:
            self.damaged += 1
            self._report(gone, self._times(gone), "damaged file")
        return found

    def report_lost(self, records: Ranges, times: tuple[int, int], reason: str) -> None:
        """Give records up, and queue the report that says so."""
        self._report(records, times, reason)

    def oldest_ms(self) -> int | None:
        """Return the time of the oldest record that waits; None where none does."""
        first = next(iter(self._pending), None)
        if first is None:
            return None
        if first[0] in self._recent:
            return self._recent[first[0]]
        frame = self._frame(first[0])
        return frame.time_ms if frame else None

    def close(self) -> None:
        """Make everything safe on disk and let another process have the folder."""
        self.flush()
        self._state.closed_at = self.last_number
        self._save()
        os.close(self._file)
        os.close(self._lock)

    # --- writing -----------------------------------------------------------------------------------------------------

    def _write(self, frame: Frame) -> None:
        data = frame.to_bytes()
        if self._segment.sound_end + len(data) > self._segment_bytes and self._segment.numbers:
            self._roll()
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, self._segment.sound_end)
            raise
        self._segment.note(frame)
        self._segment.sound_end += len(data)
        self._segment.size = self._segment.sound_end
        self.bytes_written += len(data)
        self._pending.add(frame.number)
        self._recent[frame.number] = frame.time_ms
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def _begin(self) -> Segment:
        segment = create(self._folder, self._state.epoch, self._next)
        self._segments.append(segment)
        return segment

    def _roll(self) -> None:
        os.fsync(self._file)
        segment = self._begin()
        os.close(self._file)
        self._segment, self._file = segment, os.open(segment.path, os.O_WRONLY | os.O_APPEND)
        self._remove_settled()

    def _reserve(self) -> None:
        while self._state.reserved < self._next:
            self._state.reserved += states.BLOCK
        self._save()

    def _save(self) -> None:
        states.save(self._folder, self._state)
        self._saved, self._dirty = time.monotonic(), False

    # --- giving space back -------------------------------------------------------------------------------------------

    def _remove_settled(self) -> None:
        done = [one for one in self._segments if one is not self._segment and not self._holds_pending(one)]
        if done:
            self._save()
            for segment in done:
                self._remove(segment)

    def _remove_empty(self) -> None:
        for segment in [one for one in self._segments if not one.numbers]:
            self._remove(segment)

    def _holds_pending(self, segment: Segment) -> bool:
        return any(first <= end and start <= last for start, end in segment.numbers for first, last in self._pending)

    def _waiting(self, segment: Segment) -> Ranges:
        waiting = Ranges(segment.numbers)
        for first, last in self._state.settled:
            waiting.remove(first, last)
        return waiting

    def _remove(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        self._segments.remove(segment)

    def _limit(self) -> None:
        while self.size > self._max_bytes and not self._dropping and len(self._segments) > 1:
            self._drop(self._segments[0])

    def _drop(self, segment: Segment) -> None:
        """Give up the oldest file; the reports of loss in it are queued again."""
        self._dropping = True
        try:
            lost = self._waiting(segment)
            for frame in read_segment(segment):
                if frame.kind is Kind.LOSS and frame.number in lost:
                    self.append(frame.body, frame.time_ms, Kind.LOSS)
            self._report(lost, (segment.first_ms, segment.last_ms), "the queue is full")
            self._save()
            if segment in self._segments:
                self._remove(segment)
        finally:
            self._dropping = False
        _log.warning("queue full, oldest records dropped", records=str(lost))

    def _report(self, records: Ranges, times: tuple[int, int], reason: str) -> None:
        loss = Loss(self.epoch, records, times[0], times[1], reason)
        try:
            self.append(loss.to_json().encode(), times[1], Kind.LOSS)
        except OSError:
            for first, last in records:
                self._unwritten.add(first, last)
            return
        for first, last in records:
            self._state.settled.add(first, last)
            self._pending.remove(first, last)
        self.flush()
        self._save()

    # --- reading -----------------------------------------------------------------------------------------------------

    def _frame(self, number: int) -> Frame | None:
        segment = next((one for one in self._segments if number in one.numbers), None)
        if segment is None:
            return None
        if self._read is None or self._read[:2] != (segment.path, segment.sound_end):
            held = {frame.number: frame for frame in read_segment(segment)}
            self._read = (segment.path, segment.sound_end, held)
        return self._read[2].get(number)

    def _times(self, records: Ranges) -> tuple[int, int]:
        """Return between which times records were made, from the files beside the gap."""
        first, last = next(iter(records))[0], list(records)[-1][1]
        before = [one.last_ms for one in self._segments if one.numbers and next(iter(one.numbers))[0] < first]
        after = [one.first_ms for one in self._segments if one.numbers and list(one.numbers)[-1][1] > last]
        known = before[-1:] + after[:1]
        now = int(time.time() * 1000)
        return (known[0] if known else now), (after[0] if after else now)


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
