"""What the queue no longer holds of sensors' messages, and must be known after a restart all the same.

A file of the queue goes once the platform has all of it. Which messages a broker may send again, or keeps retained, is
then known by nobody else; so it is written down just before: a block or two of the disk for each file that goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine_gateway.mqtt.deliveries import Deliveries
from vitrine_gateway.queue import Kind
from vitrine_gateway.queue.recovery import latest_frames, latest_number
from vitrine_gateway.record import Record
from vitrine_gateway.record_bytes import decode
from vitrine_gateway.safe_file import replace_text

_log = logger("gateway")
#: Records to look through at the start at least: many times what a broker sends without an acknowledgement.
_LATEST = 2000
_ORIGIN_BYTES = 10


class Memory:
    """A small file; one that is missing or damaged costs no more than what it would have told."""

    def __init__(self, path: Path, queue: Path, deliveries: Deliveries, sensors: frozenset[str]) -> None:
        """Tell the deliveries what is known of these devices: what the file says, then what lies in the queue's folder.

        The queue must not be open yet, since it lets files go as it opens.
        """
        self._path, self._deliveries = path, deliveries
        #: Greatest number of a record that came after the file was read.
        self.upto, newest, known = _read(path)
        deliveries.newest.update(newest)
        deliveries.remember(known)
        self._written = self._text()
        for record in self._records(queue) if sensors else ():
            if record.device in sensors:
                self._take(record)

    def keep(self) -> None:
        """Write down what is known, where that is anything new; a disk that does not take it is only told of."""
        text = self._text()
        if text == self._written:
            return
        try:
            replace_text(self._path, text)
            self._written = text
        except OSError as error:
            _log.warning("the disk does not take what is known of sensors", reason=str(error))

    def _records(self, queue: Path) -> Iterator[Record]:
        last = latest_number(queue)
        for frame in latest_frames(queue, max(0, min(self.upto, last - _LATEST))):
            self.upto = max(self.upto, frame.number)
            if frame.kind is not Kind.SAMPLE:
                continue
            try:
                yield decode(frame.body)
            except PayloadError:
                continue  # the uplink tells of a record that cannot be read

    def _take(self, record: Record) -> None:
        if record.source == "rtc":
            self._deliveries.newest[record.device] = max(self._deliveries.newest.get(record.device, 0), record.last_ms)
        if len(record.origin) == _ORIGIN_BYTES:
            self._deliveries.remember([(record.device, record.origin)])

    def _text(self) -> str:
        recent = [[device, origin.hex()] for device, origin in self._deliveries.recent()]
        if not recent and not self._deliveries.newest:
            return ""
        return json.dumps({"upto": self.upto, "newest": self._deliveries.newest, "deliveries": recent})


def _read(path: Path) -> tuple[int, dict[str, int], list[tuple[str, bytes]]]:
    """Return the last record that the file knows of, the newest own times, and deliveries."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        newest = {str(device): int(time_ms) for device, time_ms in document["newest"].items()}
        known = [(str(device), bytes.fromhex(origin)) for device, origin in document["deliveries"]]
        return int(document["upto"]), newest, [one for one in known if len(one[1]) == _ORIGIN_BYTES]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0, {}, []
