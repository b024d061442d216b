"""Opening the files of a queue after whatever happened to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrine.ranges import Ranges
from vitrine_gateway.queue import state as states
from vitrine_gateway.queue.frame import Frame
from vitrine_gateway.queue.segment import SUFFIX, Segment, epoch_of, open_segment, read_segment
from vitrine_gateway.queue.state import BLOCK, State


@dataclass(frozen=True, slots=True)
class Recovered:
    """A queue as it was found."""

    state: State
    segments: list[Segment]
    #: The next number to give away.
    following: int
    #: Numbers that were given away, or may have been, and are neither on disk nor settled.
    missing: Ranges
    #: Numbers that were set aside when the power failed: given away within the loss window, or never.
    set_aside: Ranges
    #: Stretches of bytes that could not be read.
    damaged: int


def recover(folder: Path, boot: str) -> Recovered:
    """Read the state, the indexes of the finished segments, and the others through.

    Segments of another epoch are left where they are. What a report of loss gives up stays given up.
    """
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    state = states.load(folder)
    rebuilt = state is None
    if state is None:
        epochs = [epoch for epoch in map(epoch_of, paths) if epoch]
        state = State(epoch=epochs[-1]) if epochs else State()
    for draft in folder.glob("*.new"):
        draft.unlink()
    opened = (open_segment(path, state.epoch, trust_index=not rebuilt) for path in paths)
    segments = [segment for segment in opened if segment]
    damaged = sum(segment.damaged for segment in segments)
    present = Ranges(pair for segment in segments for pair in segment.numbers)
    if rebuilt and (present or states.exists(folder)):  # else no number was given away yet: the state is written first
        _rebuild(state, present)
        damaged += 1
    for first, last in (pair for segment in segments for pair in segment.told):
        state.settled.add(first, last)
    following = _following(state, present, boot=boot, torn=bool(damaged))
    missing = Ranges([(1, following - 1)] if following > 1 else [])
    for first, last in (*present, *state.settled):
        missing.remove(first, last)
    seen = max(_last(present), _last(state.settled))
    set_aside = missing.within(seen + 1, following)
    missing.remove(seen + 1, following)
    return Recovered(state, segments, following, missing, set_aside, damaged)


def latest_frames(folder: Path, after: int) -> Iterator[Frame]:
    """Yield the frames with greater numbers than `after` of a queue that nobody has opened, from its latest files."""
    found: list[Segment] = []
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        segment = open_segment(path, None, trust_index=True)
        if segment and segment.numbers:
            found.append(segment)
            if segment.numbers.lowest <= after + 1:
                break
    for segment in reversed(found):
        yield from (frame for frame in read_segment(segment) if frame.number > after)


def latest_number(folder: Path) -> int:
    """Return the greatest number on the disk of a queue that nobody has opened; 0 where there is none."""
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        segment = open_segment(path, None, trust_index=True)
        if segment and segment.numbers:
            return segment.numbers.highest
    return 0


def _rebuild(state: State, present: Ranges) -> None:
    """Take what is no longer on disk for acknowledged: files go only then, and records come again until they are."""
    last = _last(present)
    if last:
        state.settled = Ranges([(1, last)])
        for first, end in present:
            state.settled.remove(first, end)
    state.reserved = (last // BLOCK + 2) * BLOCK


def _following(state: State, present: Ranges, *, boot: str, torn: bool) -> int:
    seen = max(_last(present), _last(state.settled))
    if state.closed_at:
        return max(seen, state.closed_at) + 1
    if state.boot == boot and not torn:
        return seen + 1  # the process was killed, the files are whole
    return max(seen, state.reserved) + 1


def _last(ranges: Ranges) -> int:
    return max((last for _, last in ranges), default=0)
