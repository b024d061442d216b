"""The pid file of a PostgreSQL server, which says which process it is, and lies after a crash."""

from __future__ import annotations

import os
from pathlib import Path

#: The kernel gives no process this number.
_NOBODY = 2**31 - 1


class PidFile:
    """That of the server whose data are in a folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._path = data / "postmaster.pid"

    def exists(self) -> bool:
        """Tell whether a server runs, or has crashed."""
        return self._path.exists()

    def running(self) -> int:
        """Return the process in the file where it is a server on these data, and not one with its number; or 0."""
        pid = self._pid()
        ours = pid > 0 and os.fsencode(self._data) in _command_line(pid).split(b"\0")
        return pid if ours else 0

    def clear(self) -> None:
        """Put a number that no process has into a crashed server's file.

        Its own may belong to another process now, or to a zombie, and PostgreSQL would take that for a server. The rest
        stays: by it PostgreSQL finds out whether processes of the old server are still at the data.
        """
        text = self._path.read_text(encoding="utf-8")
        self._path.write_text(f"{_NOBODY}\n{text.partition(chr(10))[2]}", encoding="utf-8")

    def _pid(self) -> int:
        """Return the number in the file; 0 for none."""
        try:
            return int(self._path.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return 0


def _command_line(pid: int) -> bytes:
    """Return what /proc tells of a process; b'' where there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
