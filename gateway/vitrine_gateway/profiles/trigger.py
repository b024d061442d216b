"""The one request that some instruments need before they are read: it makes them measure."""

from __future__ import annotations

from dataclasses import dataclass

from vitrine.i18n import Text
from vitrine.installation_text import read_text
from vitrine.table_reader import TableReader

_LAST_ADDRESS = _LARGEST_WORD = 65535
#: Seconds between the write and the reading where the profile states none.
_USUAL_WAIT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Registers that are written (function 16) before each reading, or a read of none; nothing else is written."""

    address: int
    #: Empty: the instrument is started by a read (function 3) of no register at `address`.
    words: tuple[int, ...]
    #: Seconds that the instrument measures before its values may be read.
    wait_s: float
    #: What the request does, for the owner who has to allow it.
    meaning: Text


def read_trigger(table: TableReader | None) -> Trigger | None:
    """Read ``[trigger]``."""
    if table is None:
        return None
    reads = table.take("read", bool) is True
    words = table.take("words", list, required=not reads)
    if reads and words is not None:
        table.note("not-allowed", "words", "a start by a read writes no words", "either words, or read = true")
    elif words is not None and not (words and all(map(_is_word, words))):
        table.note("wrong-type", "words", f"{words} is not a list of registers", "for example [15]")
        words = None
    trigger = Trigger(
        address=table.integer("address", low=0, high=_LAST_ADDRESS, required=True),
        words=tuple(words or ()),
        wait_s=table.duration("wait", default=_USUAL_WAIT_S),
        meaning=read_text(table, "meaning", required=True),
    )
    table.finish()
    return trigger


def _is_word(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_WORD
