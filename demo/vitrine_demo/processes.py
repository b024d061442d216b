"""Processes that are watched: started in their own group, started again when they die, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

#: Seconds before a child that died is started again: at first, and at most.
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
#: A child that lived so long has recovered; the next wait is the first one again.
HEALTHY_AFTER = 60.0


def vitrine(*arguments: str) -> list[str]:
    """Return the command line of `vitrine …` in the interpreter that runs now."""
    return [sys.executable, "-P", "-c", "from vitrine.command import main; main()", *arguments]


class Events(Protocol):
    """Who wants to know what happens to a child."""

    def died(self, child: Child, code: int, wait_s: float) -> None:
        """Tell that a child ended by itself and when it is started again."""


@dataclass(slots=True)
class Child:
    """One process of ours."""

    name: str
    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait_s: float = FIRST_WAIT
    #: When to start it again; 0 while it runs.
    again: float = 0.0

    def start(self) -> None:
        """Start it in a process group of its own, so that a Ctrl-C in the terminal does not reach it."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self.started, self.again = time.monotonic(), 0.0

    @property
    def running(self) -> bool:
        """Tell whether it runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to its whole group."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return  # the group has gone, which is what was wanted

    def watch(self, events: Events) -> None:
        """Start it again, after a wait that doubles, when it has died."""
        if self.process is None or self.running:
            return
        now = time.monotonic()
        if not self.again:
            if now - self.started > HEALTHY_AFTER:
                self.wait_s = FIRST_WAIT
            self.again = now + self.wait_s
            events.died(self, self.process.returncode, self.wait_s)
            self.wait_s = min(self.wait_s * 2.0, LONGEST_WAIT)
        elif now >= self.again:
            self.start()


def stop(children: list[Child], patience_s: float = 10.0) -> None:
    """Ask some children to end, together; kill what has not ended in time, and what they left behind."""
    for child in children:
        child.signal(signal.SIGTERM)
    end = time.monotonic() + patience_s
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(end - time.monotonic(), 0.05))
        except subprocess.TimeoutExpired:
            child.signal(signal.SIGKILL)
            child.process.wait()
        child.signal(signal.SIGKILL)
        child.process = None


def last_line(log: Path) -> str:
    """Return the last line of a log that says something, for a message."""
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(file.tell() - 4000, 0))
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""
