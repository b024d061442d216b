"""Records that no host could take any more, reported as lost, once for all of one reason."""

from __future__ import annotations

from vitrine.logs import logger
from vitrine.ranges import Ranges
from vitrine_gateway.queue import Frame, Queue

_log = logger("gateway")


class Hopeless:
    """Gathers such records by reason until they are given up."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._found: dict[str, tuple[Ranges, list[int]]] = {}

    def add(self, frame: Frame, reason: str) -> None:
        """Note a record that cannot be sent."""
        records, times = self._found.setdefault(reason, (Ranges(), []))
        records.add(frame.number)
        times.append(frame.time_ms)

    def give_up(self) -> None:
        """Report what was noted as lost."""
        for reason, (records, times) in self._found.items():
            _log.warning("records cannot be sent", records=str(records), reason=reason)
            self._queue.report_lost(records, (min(times), max(times)), reason)
        self._found.clear()
