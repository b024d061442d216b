"""The files of a queue as one: writing at the end, finding by number, giving space back, counting what is written.

A disk takes whole blocks. So what is synced together is filled up with zeros to the end of its last block where that
spares the next `sync` one: a block that is full is not written again.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path
from uuid import UUID

from vitrine_gateway.queue.frame import BLOCK_BYTES, Frame
from vitrine_gateway.queue.segment import Segment, create, read_segment


class Files:
    """Segments in the order of their numbers; once there is an active one, it is the last and written to."""

    def __init__(self, folder: Path, epoch: UUID, segments: list[Segment], segment_bytes: int) -> None:
        self.folder, self._epoch, self._segment_bytes = folder, epoch, segment_bytes
        for segment in [one for one in segments if not one.numbers]:
            segment.path.unlink(missing_ok=True)
        self.segments = [one for one in segments if one.numbers]
        self._lowest = [one.numbers.lowest for one in self.segments]
        self.size = sum(one.size for one in self.segments)
        #: Bytes given to the system, and bytes of the blocks that the disk was made to write with them.
        self.bytes_written = self.bytes_on_disk = 0
        self._read: tuple[Path, int, dict[int, Frame]] | None = None
        self._active: Segment | None = None
        self._file, self._synced = -1, 0

    def begin(self, first: int) -> None:
        """Make the active file, for the records from `first` on; OSError where the disk has no room for it."""
        self._active, self._file = self._begin(first)

    @property
    def active(self) -> Segment:
        """The file that is written to; there is one from `begin` on."""
        assert self._active is not None
        return self._active

    @property
    def finished(self) -> list[Segment]:
        """All but the one that is written to."""
        return self.segments[:-1] if self._active else self.segments[:]

    def has_room(self, length: int) -> bool:
        """Tell whether so many bytes still belong into the active file."""
        return not self.active.numbers or self.active.sound_end + length <= self._segment_bytes

    def write(self, frame: Frame) -> None:
        """Append a frame; OSError leaves the file as it was."""
        self._write(frame.to_bytes(), self.active.sound_end)
        self.active.note(frame)
        self._end_at(self.active.sound_end + frame.size)

    def roll(self, first: int) -> None:
        """Finish the active file and begin that of the records from `first` on; OSError where neither is possible."""
        index, end = self.active.index(), self.active.sound_end
        self._write(index, end)
        self._end_at(end + len(index))
        try:
            self.sync()
            active, file = self._begin(first)
        except OSError:
            self._end_at(end)
            self._synced = min(self._synced, end)
            os.ftruncate(self._file, end)
            raise
        os.close(self._file)
        self._active, self._file, self._synced = active, file, 0

    def fill(self) -> None:
        """Fill the last block up, where as much as now came since the last sync would otherwise reach one more."""
        end, batch = self.active.sound_end, self.active.sound_end - self._synced
        if batch and _blocks(end, end + batch) > _blocks(0, batch):
            full = -(-end // BLOCK_BYTES) * BLOCK_BYTES
            self._write(bytes(full - end), end)
            self._end_at(full)

    def sync(self) -> None:
        """Wait until the disk holds all that was written; may run in a thread of its own."""
        active, begin, end = self.active, self._synced, self.active.sound_end
        handle = os.dup(self._file)
        try:
            os.fdatasync(handle)
        finally:
            os.close(handle)
        self.bytes_on_disk += _blocks(begin, end) * BLOCK_BYTES
        if active is self._active:  # else another file was begun meanwhile
            self._synced = max(begin, end)

    def remove(self, segment: Segment) -> None:
        """Take a finished file away."""
        segment.path.unlink(missing_ok=True)
        at = self.segments.index(segment)
        del self.segments[at], self._lowest[at]
        self.size -= segment.size

    def replace(self, segment: Segment, thinned: Segment) -> None:
        """Know a file by what it now holds."""
        at = self.segments.index(segment)
        self.segments[at] = thinned
        self._lowest[at] = thinned.numbers.lowest
        self.size += thinned.size - segment.size
        self.bytes_written += thinned.size
        self.bytes_on_disk += thinned.size + BLOCK_BYTES
        self._read = None

    def holding(self, number: int) -> Segment | None:
        """Return the file that holds a number."""
        at = bisect_right(self._lowest, number) - 1
        return self.segments[at] if at >= 0 and number in self.segments[at].numbers else None

    def frame(self, number: int) -> Frame | None:
        """Read a frame; None where it is not there or damaged. The frames of the last file asked for are kept."""
        segment = self.holding(number)
        if segment is None:
            return None
        path, end, held = self._read or (None, 0, {})
        if path != segment.path:
            held, end = {}, 0
        if end != segment.sound_end:
            held.update((frame.number, frame) for frame in read_segment(segment, end))
            self._read = (segment.path, segment.sound_end, held)
        return held.get(number)

    def close(self) -> None:
        """Let go of the active file."""
        os.close(self._file)

    def _begin(self, first: int) -> tuple[Segment, int]:
        segment = create(self.folder, self._epoch, first)
        file = os.open(segment.path, os.O_WRONLY)
        self.segments.append(segment)
        self._lowest.append(first)
        self.size += segment.size
        self.bytes_on_disk += 2 * BLOCK_BYTES  # its first block and its name
        return segment, file

    def _write(self, data: bytes, start: int) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._file, data[written:], start + written)
        except OSError:
            os.ftruncate(self._file, self.active.sound_end)
            raise
        self.bytes_written += written

    def _end_at(self, end: int) -> None:
        self.size += end - self.active.size
        self.active.sound_end = self.active.size = end


def _blocks(begin: int, end: int) -> int:
    """Count the blocks that the bytes between two places lie in."""
    return -(-end // BLOCK_BYTES) - begin // BLOCK_BYTES if end > begin else 0
