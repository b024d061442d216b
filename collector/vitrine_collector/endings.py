"""The end of nearly every data message of our gateways: the record's number, the source of its times, its `seq`."""

from __future__ import annotations

import re
from typing import NamedTuple

_TIME = rb"\x18[\x80-\xff]{5}[\x00-\x7f]"
_HISTORICAL = rb"\x28\x01"
#: A positive Int64, and a number from 0 to 255.
_NUMBER, _SEQ = rb"\x58([\x80-\xff]{0,8}[\x00-\x7f])", rb"\x18([\x80-\xff]?[\x00-\x7f])"
#: Where the time is uncertain, each measurement is to say so: the ordinary way does that.
_SOURCE = rb"\x7a(.)(ntp|rtc|restamped)"


class Ending(NamedTuple):
    """What the end of a message says."""

    number: int
    time_source: str
    seq: int


class EndingPattern:
    """Reads the metrics of these aliases at the end of a message, in the form that our gateways give them."""

    def __init__(self, record_alias: bytes, source_alias: bytes, *, historical: bool) -> None:
        """Take the aliases as they stand on the wire."""
        mark = _HISTORICAL if historical else b""
        head = rb"\x12(.)\x10%b" + _TIME + mark
        self._matches = re.compile(
            head % re.escape(record_alias) + _NUMBER + head % re.escape(source_alias) + _SOURCE + _SEQ, re.DOTALL
        ).fullmatch
        # Tag and alias, tag and time, tag of the value; the text has its length before it.
        common = 1 + 7 + 2 * historical + 1
        self._record_bytes = common + len(record_alias)
        self._source_bytes = common + len(source_alias) + 1

    def read(self, data: bytes) -> Ending | None:
        """Return what the end of a message says; None where it has another form."""
        match = self._matches(data)
        if match is None:
            return None
        record_length, digits, source_length, text_length, source, place = match.groups()
        number, seq = _varint(digits), _varint(place)
        fits = (
            record_length[0] == self._record_bytes + len(digits)
            and source_length[0] == self._source_bytes + len(source)
            and text_length[0] == len(source)
        )
        return Ending(number, source.decode(), seq) if fits and number > 0 and seq < 256 else None


def _varint(data: bytes) -> int:
    number = 0
    for place, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * place
    return number
