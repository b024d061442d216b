"""Messages of QoS 0 in a stream of MQTT 3.1.1, taken out of it; the other packets stay in it, in their order."""

from __future__ import annotations

from functools import lru_cache

#: Topic and payload.
Heard = tuple[str, bytes]

#: Stands for a topic that is not text.
UNREADABLE = "(a topic that is not UTF-8)"
#: PUBLISH of QoS 0, retained or not (MQTT 3.1.1, section 3.3.1); its first byte.
_MESSAGE = frozenset((0x30, 0x31))
_LENGTH_BYTES = 4


class Packets:
    """Cuts what was read from the network into packets, wherever the network cut it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._missing = 0
        self._broken = False

    def take(self, data: bytes) -> tuple[list[Heard], bytes]:
        """Return the messages of QoS 0 that are complete by now, and the other packets as they are.

        From a packet on that no MQTT client could read, everything is given back as it is: to refuse it is the
        client's business.
        """
        if self._broken:
            return [], data
        if len(data) < self._missing:
            self._parts.append(data)
            self._missing -= len(data)
            return [], b""
        if self._parts:
            data = b"".join((*self._parts, data))
            self._parts.clear()
        return self._cut(data)

    def _cut(self, data: bytes) -> tuple[list[Heard], bytes]:
        messages: list[Heard] = []
        others: list[bytes] = []
        at, size, self._missing = 0, len(data), 0
        while at < size:
            # Nearly every packet says its length in two bytes.
            if at + 2 < size and data[at + 1] >= 0x80 > (high := data[at + 2]):
                found: tuple[int, int] | None = (at + 3, at + 3 + (data[at + 1] & 0x7F | high << 7))
            else:
                found = _body(data, at)
            if found is None:
                self._broken = True
                others.append(data[at:])
                break
            body, end = found
            if end > size or not body:
                self._parts, self._missing = [data[at:]], max(end - size, 1)
                break
            topic = body + 2
            if data[at] in _MESSAGE and topic <= end and (told := topic + (data[body] << 8 | data[body + 1])) <= end:
                messages.append((_text(data[topic:told]), data[told:end]))
            else:
                others.append(data[at:end])
            at = end
        return messages, b"".join(others)


def _body(data: bytes, start: int) -> tuple[int, int] | None:
    """Return where a packet's body begins and ends; (0, 0) where its length is not there yet, None where it is none."""
    length, shift = 0, 0
    for at in range(start + 1, min(start + 1 + _LENGTH_BYTES, len(data))):
        byte = data[at]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return at + 1, at + 1 + length
        shift += 7
    return None if len(data) > start + _LENGTH_BYTES else (0, 0)


@lru_cache(maxsize=65_536)
def _text(topic: bytes) -> str:
    try:
        return topic.decode()
    except UnicodeDecodeError:
        return UNREADABLE
