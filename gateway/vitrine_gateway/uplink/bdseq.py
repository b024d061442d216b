"""The number of births and deaths, kept on disk: one for each CONNECT packet sent, 0 to 255."""

from __future__ import annotations

from pathlib import Path

from vitrine_gateway.safe_file import replace_text


class BirthDeathSequence:
    """Gives the number of the next connection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = _read(path)

    def take(self) -> int:
        """Return the next number; the one after it is safe on disk before this one is used."""
        number = self._next
        self._write((number + 1) % 256)
        return number

    def give_back(self, number: int) -> None:
        """Take a number back whose CONNECT packet was never sent."""
        self._write(number)

    def _write(self, number: int) -> None:
        replace_text(self._path, str(number))
        self._next = number


def _read(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii")) % 256
    except (FileNotFoundError, ValueError, UnicodeDecodeError):
        return 0
