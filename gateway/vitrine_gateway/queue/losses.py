"""Reports of loss that wait until they can be queued themselves."""

from __future__ import annotations

from collections.abc import Iterable

from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue.frame import Frame, Kind
from vitrine_gateway.queue.segment import loss_in

UNWRITTEN = "the disk did not take them"


class Losses:
    """First in, first told; what the disk refuses, one record after another, becomes one report."""

    def __init__(self) -> None:
        self._waiting: list[Loss] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, losses: Iterable[Loss]) -> None:
        """Take reports; those that name no record are none."""
        self._waiting += [loss for loss in losses if loss.records]

    def refused(self, frame: Frame, loss: Loss) -> None:
        """Take one record that the disk refused; `loss` is its report where it is the first."""
        last = self._waiting[-1] if self._waiting else None
        if last is None or last.reason != UNWRITTEN:
            self._waiting.append(loss)
            return
        last.records.add(frame.number)
        first_ms, last_ms = min(last.first_ms, frame.time_ms), max(last.last_ms, frame.time_ms)
        self._waiting[-1] = Loss(last.epoch, last.records, first_ms, last_ms, UNWRITTEN)

    def next(self) -> Loss:
        """Return the first; IndexError where there is none."""
        return self._waiting[0]

    def told(self, loss: Loss) -> None:
        """Forget a report that is queued."""
        self._waiting.remove(loss)


def merged(frames: Iterable[Frame], waiting: Ranges) -> list[Loss]:
    """Return the waiting reports among frames as one for each epoch and reason, without their statistics."""
    found: dict[tuple[object, str], Loss] = {}
    for frame in frames:
        if frame.kind is not Kind.LOSS or frame.number not in waiting:
            continue
        loss = loss_in(frame)
        key = (loss.epoch, loss.reason)
        before = found.get(key)
        records = Ranges([*before.records, *loss.records] if before else loss.records)
        first_ms = min(before.first_ms, loss.first_ms) if before else loss.first_ms
        last_ms = max(before.last_ms, loss.last_ms) if before else loss.last_ms
        found[key] = Loss(loss.epoch, records, first_ms, last_ms, loss.reason)
    return list(found.values())
