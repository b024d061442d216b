"""Which devices answer: a device that does not is dead for Sparkplug, and born again when it does."""

from __future__ import annotations

from vitrine.quality import Test
from vitrine_gateway.record import Record

#: So many records in a row without any answer, and the device is lost.
LOST_AFTER = 3


class Presence:
    """Counts silent records by device; what was never heard of counts as present."""

    def __init__(self) -> None:
        self._silent: dict[str, int] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """Keys of the devices that are lost."""
        return tuple(device for device, count in self._silent.items() if count >= LOST_AFTER)

    def is_lost(self, device: str) -> bool:
        """Tell whether a device is lost."""
        return self._silent.get(device, 0) >= LOST_AFTER

    def note(self, record: Record) -> bool:
        """Take the newest record of a device; tell whether the device was lost with it."""
        if any(not value.tests & Test.NO_ANSWER for value in record.values):
            self._silent.pop(record.device, None)
            return False
        count = self._silent.get(record.device, 0) + 1
        self._silent[record.device] = count
        return count == LOST_AFTER

    def forget(self, device: str) -> None:
        """Know nothing of a device any more: it was removed or changed."""
        self._silent.pop(device, None)
