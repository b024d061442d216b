"""The end of nearly every data message of our gateways: the record's number, the source of its times, its `seq`."""

from __future__ import annotations

import re

#: The record's number, the source of its times, the message's `seq`.
Ending = tuple[int, str, int]

_TIME = rb"\x18([\x80-\xff]{5}[\x00-\x7f])"
_HISTORICAL = rb"\x28\x01"
#: A positive Int64, and a number from 0 to 255.
_NUMBER, _SEQ = rb"\x58([\x80-\xff]{0,8}[\x00-\x7f])", rb"\x18([\x80-\xff]?[\x00-\x7f])"
#: Where the time is uncertain, each measurement is to say so: the ordinary way does that.
_SOURCE = rb"\x7a(.)(ntp|rtc|restamped)"


class Endings:
    """Reads the metrics of two aliases at the end of a message, in the form that our gateways give them.

    What was read once is known by its bytes: whether an end is of a known form is one comparison of large integers.
    """

    def __init__(self, record_alias: bytes, source_alias: bytes, *, historical: bool) -> None:
        """Take the aliases of number and source as they stand on the wire."""
        mark = _HISTORICAL if historical else b""
        head = rb"\x12(.)\x10%b" + _TIME + mark
        self._matches = re.compile(
            head % re.escape(record_alias) + _NUMBER + head % re.escape(source_alias) + _SOURCE + _SEQ, re.DOTALL
        ).fullmatch
        # Tag and alias, tag and time, tag of the value; the text has its length before it.
        common = 1 + 7 + 2 * historical + 1
        self._record_bytes = common + len(record_alias)
        self._source_bytes = common + len(source_alias) + 1
        #: By the length of the end.
        self._forms: dict[int, _Form] = {}

    def read(self, data: bytes) -> Ending | None:
        """Return what the end of a message says; None where it has another form."""
        form = self._forms.get(len(data))
        return (form and form.read(data)) or self._learned(data)

    def _learned(self, data: bytes) -> Ending | None:
        match = self._matches(data)
        if match is None:
            return None
        record_length, _, digits, source_length, _, text_length, source, place = match.groups()
        number, seq = _varint(digits), _varint(place)
        fits = (
            record_length[0] == self._record_bytes + len(digits)
            and source_length[0] == self._source_bytes + len(source)
            and text_length[0] == len(source)
        )
        if not fits or number <= 0 or seq > 255:
            return None
        if len(digits) <= _Form.MOST_DIGITS and place[1:] in (b"", b"\x01"):
            self._forms[len(data)] = _Form(match, source.decode())
        return number, source.decode(), seq


class _Form:
    """An end whose parts are as long as those of one that was read: only bits of its numbers and times differ."""

    #: Bytes of a record's number; one with more, which takes 2 ** 56 records, is read at greater length.
    MOST_DIGITS = 8

    def __init__(self, match: re.Match[bytes], source: str) -> None:
        """Take what was read; its `seq` has one byte, or a second one that is 1."""
        data, free = match.string, bytearray(len(match.string))
        for group in (2, 3, 5):
            start, end = match.span(group)
            free[start:end] = b"\x7f" * (end - start)
        free[match.start(8)] = 0x7F
        self._mask = int.from_bytes(bytes(byte ^ 0xFF for byte in free), "little")
        self._fixed = int.from_bytes(data, "little") & self._mask
        first, last = match.span(3)
        self._digits_at, self._digits = 8 * first, int.from_bytes(b"\x7f" * (last - first), "little")
        self._seq_at, self._seq_high = match.start(8), len(match[8]) - 1 << 7
        self._source = source

    def read(self, data: bytes) -> Ending | None:
        """Return what an end of this length says; None where it is of another form."""
        whole = int.from_bytes(data, "little")
        if whole & self._mask != self._fixed:
            return None
        # Seven bits of each byte, put together two, four and eight at a time.
        number = whole >> self._digits_at & self._digits
        number = number & 0x007F_007F_007F_007F | number >> 1 & 0x3F80_3F80_3F80_3F80
        number = number & 0x0000_3FFF_0000_3FFF | number >> 2 & 0x0FFF_C000_0FFF_C000
        number = number & 0x0000_0000_0FFF_FFFF | number >> 4 & 0x00FF_FFFF_F000_0000
        return (number, self._source, data[self._seq_at] & 0x7F | self._seq_high) if number else None


def _varint(data: bytes) -> int:
    number = 0
    for place, byte in enumerate(data):
        number |= (byte & 0x7F) << 7 * place
    return number
