"""The demo's data folder: one owner at a time, and what a killed owner left behind."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import IO

from vitrine.errors import ConfigurationError

_MARK = "vitrine-demo"


class Folder:
    """Where everything of a demo lies."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "database"
        self.logs = self.path / "logs"
        self.installations = self.path / "installations"
        self.platform = self.path / "platform"
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Take the folder for this process; ConfigurationError where another demo has it, or it is something else."""
        if self.path.exists() and any(self.path.iterdir()) and not (self.path / _MARK).exists():
            raise ConfigurationError(
                f"the folder {self.path} holds other things than a demo",
                hint="Name an empty or a new folder: vitrine demo --data-dir DIR",
            )
        for part in (self.path, self.logs, self.installations, self.platform):
            part.mkdir(parents=True, exist_ok=True)
        self._lock = (self.path / _MARK).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ConfigurationError(
                f"another demo is running in {self.path}",
                hint="Stop it with Ctrl-C in its terminal, or name another folder: vitrine demo --data-dir DIR",
            ) from None

    def close(self) -> None:
        """Let the folder go."""
        if self._lock:
            self._lock.close()

    def reset(self) -> None:
        """Forget everything but the lock."""
        for entry in self.path.iterdir():
            if entry.name == _MARK:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for part in (self.logs, self.installations, self.platform):
            part.mkdir()

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def password(self) -> str:
        """Return the password of the demo's account, made once."""
        file = self.path / "password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(9) + "\n", encoding="utf-8")
        return file.read_text(encoding="utf-8").strip()

    def note_processes(self, identifiers: list[int]) -> None:
        """Keep the process groups that run, for the case that this process is killed."""
        (self.path / "processes.json").write_text(json.dumps(identifiers), encoding="utf-8")

    def end_orphans(self) -> int:
        """End what a killed demo left running; return how many groups that were.

        A number may since have gone to somebody else's process: only those with this folder in their environment count.
        """
        file = self.path / "processes.json"
        ended = 0
        for identifier in json.loads(file.read_text(encoding="utf-8")) if file.exists() else []:
            if self._is_ours(identifier):
                os.killpg(identifier, signal.SIGKILL)
                ended += 1
        file.unlink(missing_ok=True)
        return ended

    def _is_ours(self, identifier: int) -> bool:
        try:
            environment = Path(f"/proc/{identifier}/environ").read_bytes()
        except OSError:
            return False
        return f"VITRINE_DATA_DIR={self.platform}".encode() in environment.split(b"\0")
