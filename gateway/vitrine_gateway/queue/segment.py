"""One file of the queue: a head that names the epoch, then frames, and at the end of a finished file its index."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from vitrine.errors import PayloadError
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue.frame import Frame, Kind, after_gap, frame_at, frames, unfinished
from vitrine_gateway.safe_file import sync_folder

_MAGIC = b"VITRINEQ1\n"
_HEAD_SIZE = len(_MAGIC) + 16
_INDEX_LENGTH = struct.Struct(">I")
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
    #: Whether its raw records were replaced by one a minute.
    thinned: bool = False
    #: Numbers that the reports in it give up; only where the file was read through.
    told: Ranges = field(default_factory=Ranges)

    def note(self, frame: Frame) -> None:
        """Take a frame into the account."""
        if not self.numbers:
            self.first_ms = self.last_ms = frame.time_ms
        self.numbers.add(frame.number)
        self.first_ms, self.last_ms = min(self.first_ms, frame.time_ms), max(self.last_ms, frame.time_ms)

    def index(self) -> bytes:
        """Return what is appended to a file when it is finished."""
        document = {
            "numbers": str(self.numbers),
            "first": self.first_ms,
            "last": self.last_ms,
            "thinned": self.thinned,
        }
        text = json.dumps(document).encode()
        frame = Frame(0, self.last_ms, Kind.INDEX, text + bytes(_INDEX_LENGTH.size))
        return Frame(0, self.last_ms, Kind.INDEX, text + _INDEX_LENGTH.pack(frame.size)).to_bytes()


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


def rewrite(segment: Segment, kept: list[Frame]) -> Segment:
    """Put a thinned file with these frames in the place of one; OSError leaves the old one as it was."""
    new = Segment(segment.path, segment.epoch, 0, thinned=True)
    for frame in kept:
        new.note(frame)
    new.first_ms, new.last_ms = segment.first_ms, segment.last_ms
    draft = segment.path.with_suffix(".new")
    try:
        with draft.open("wb") as file:
            file.write(_MAGIC + segment.epoch.bytes)
            for frame in kept:
                file.write(frame.to_bytes())
            file.write(new.index())
            file.flush()
            os.fsync(file.fileno())
            new.size = new.sound_end = file.tell()
        draft.replace(segment.path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(segment.path.parent)
    return new


def open_segment(path: Path, epoch: UUID | None, *, trust_index: bool = False) -> Segment | None:
    """Learn what a file of the queue holds; None where it belongs to another epoch.

    From its index where that is trusted and sound, else by reading it through. A damaged head is taken for one of
    `epoch`.
    """
    if trust_index and (indexed := _from_index(path)):
        return None if epoch is not None and indexed.epoch != epoch else indexed
    data = path.read_bytes()
    found = _epoch(data)
    segment = Segment(path, found or epoch or UUID(int=0), len(data))
    if found is None:
        segment.damaged += not (len(data) < _HEAD_SIZE and data.startswith(_MAGIC[: len(data)]))
    if epoch is not None and segment.epoch != epoch:
        return None
    for frame, end in frames(data, _HEAD_SIZE):
        if end - frame.size not in (segment.sound_end, after_gap(data, segment.sound_end)):
            segment.damaged += 1
        _take(segment, frame)
        segment.sound_end = end
    # what a killed process had begun to write was never given a number that anybody saw
    rest = after_gap(data, segment.sound_end)
    segment.damaged += rest < len(data) and not unfinished(data[rest:])
    return segment


def _take(segment: Segment, frame: Frame) -> None:
    if frame.kind is Kind.INDEX:
        segment.thinned = b'"thinned": true' in frame.body
        return
    segment.note(frame)
    if frame.kind is Kind.LOSS:
        for first, last in loss_in(frame).records:
            segment.told.add(first, last)


def _from_index(path: Path) -> Segment | None:
    with path.open("rb") as file:
        head = file.read(_HEAD_SIZE)
        size = file.seek(0, os.SEEK_END)
        epoch = _epoch(head)
        if epoch is None or size < _HEAD_SIZE + _INDEX_LENGTH.size:
            return None
        file.seek(size - _INDEX_LENGTH.size)
        (length,) = _INDEX_LENGTH.unpack(file.read(_INDEX_LENGTH.size))
        if not 0 < length <= size - _HEAD_SIZE:
            return None
        file.seek(size - length)
        found = frame_at(memoryview(file.read(length)), 0)
    if found is None or found[0].kind is not Kind.INDEX:
        return None
    document = json.loads(found[0].body[: -_INDEX_LENGTH.size])
    return Segment(
        path,
        epoch,
        size,
        Ranges.parse(document["numbers"]),
        document["first"],
        document["last"],
        sound_end=size,
        thinned=document["thinned"],
    )


def loss_in(frame: Frame) -> Loss:
    """Return the report that a frame holds; one that cannot be read reports nothing."""
    try:
        return Loss.from_json(frame.body.decode("utf-8", "replace"))
    except PayloadError as error:
        return Loss(UUID(int=0), Ranges(), frame.time_ms, frame.time_ms, str(error))


def epoch_of(path: Path) -> UUID | None:
    """Return the epoch that the head of a file names; None where it is damaged."""
    with path.open("rb") as file:
        return _epoch(file.read(_HEAD_SIZE))


def _epoch(data: bytes) -> UUID | None:
    if len(data) < _HEAD_SIZE or not data.startswith(_MAGIC):
        return None
    return UUID(bytes=data[len(_MAGIC) : _HEAD_SIZE])


def read_segment(segment: Segment, start: int = 0) -> list[Frame]:
    """Return every sound frame of a file from a place on, in the order of its numbers."""
    with segment.path.open("rb") as file:
        file.seek(max(start, _HEAD_SIZE))
        data = file.read()
    found = (frame for frame, _ in frames(data, 0) if frame.kind is not Kind.INDEX)
    return sorted(found, key=lambda frame: frame.number)
