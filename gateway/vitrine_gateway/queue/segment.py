"""One file of the queue: a head that names the epoch, then frames."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from vitrine.ranges import Ranges
from vitrine_gateway.queue.frame import Frame, frames, unfinished

_MAGIC = b"VITRINEQ1\n"
_HEAD_SIZE = len(_MAGIC) + 16
SUFFIX = ".queue"


@dataclass(slots=True)
class Segment:
    """What is known of one file without reading it again."""

    path: Path
    epoch: UUID
    size: int
    numbers: Ranges = field(default_factory=Ranges)
    first_ms: int = 0
    last_ms: int = 0
    #: Stretches of bytes that hold no sound frame, but for a last one whose writing was cut short.
    damaged: int = 0
    #: Where the last sound frame ends.
    sound_end: int = _HEAD_SIZE

    def note(self, frame: Frame) -> None:
        """Take a frame into the account."""
        if not self.numbers:
            self.first_ms = self.last_ms = frame.time_ms
        self.numbers.add(frame.number)
        self.first_ms, self.last_ms = min(self.first_ms, frame.time_ms), max(self.last_ms, frame.time_ms)


def create(folder: Path, epoch: UUID, first: int) -> Segment:
    """Make the file of the records from `first` on, in place of one that a killed process left without a record."""
    path = folder / f"{first:016d}{SUFFIX}"
    left = open_segment(path, None) if path.exists() else None
    if left is not None and left.numbers:
        raise FileExistsError(f"{path} holds records already")
    with path.open("wb") as file:
        file.write(_MAGIC + epoch.bytes)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    return Segment(path, epoch, _HEAD_SIZE)


def open_segment(path: Path, epoch: UUID | None) -> Segment | None:
    """Read a file of the queue; None where it belongs to another epoch. A damaged head is taken for one of `epoch`."""
    data = path.read_bytes()
    found, start = _epoch(data), _HEAD_SIZE
    segment = Segment(path, found or epoch or UUID(int=0), len(data))
    if found is None:
        segment.damaged += not (len(data) < _HEAD_SIZE and data.startswith(_MAGIC[: len(data)]))
    if epoch is not None and segment.epoch != epoch:
        return None
    for frame, end in frames(data, start):
        if end - frame.size != segment.sound_end:
            segment.damaged += 1
        segment.note(frame)
        segment.sound_end = end
    # what a killed process had begun to write was never given a number that anybody saw
    segment.damaged += len(data) > segment.sound_end and not unfinished(data[segment.sound_end :])
    return segment


def epoch_of(path: Path) -> UUID | None:
    """Return the epoch that the head of a file names; None where it is damaged."""
    with path.open("rb") as file:
        return _epoch(file.read(_HEAD_SIZE))


def _epoch(data: bytes) -> UUID | None:
    if len(data) < _HEAD_SIZE or not data.startswith(_MAGIC):
        return None
    return UUID(bytes=data[len(_MAGIC) : _HEAD_SIZE])


def read_segment(segment: Segment) -> list[Frame]:
    """Return every sound frame of a file, in the order of its numbers."""
    data = segment.path.read_bytes()
    return sorted((frame for frame, _ in frames(data, _HEAD_SIZE)), key=lambda frame: frame.number)


def sync_folder(folder: Path) -> None:
    """Make the names of a folder safe on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
