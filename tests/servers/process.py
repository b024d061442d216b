"""A server process on a loopback port, which a test may kill and start again on the same port."""

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

#: Below those that the system gives to outgoing connections; each of the processes that run tests side by side has a
#: part of its own, so that what one was given and does not listen on yet is not given to another.
PORTS, PARTS = range(10_000, 32_000), 4


def _ports(worker: str) -> Iterator[int]:
    each = len(PORTS) // PARTS
    part = PORTS[int(worker.removeprefix("gw")) % PARTS * each :][:each]
    first = random.randrange(each)
    return itertools.cycle([*part[first:], *part[:first]])


_candidates = _ports(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return several such ports."""
    found: list[int] = []
    while len(found) < count:
        port = next(_candidates)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            found.append(port)
    return found


def last_lines(path: Path, count: int = 5) -> str:
    """Return the end of a log file on one line, for an error message."""
    return " | ".join(path.read_text(errors="replace").strip().splitlines()[-count:]) if path.exists() else ""


def dies_with_us(command: Sequence[str]) -> list[str]:
    """Let the kernel end the command when the test process ends, however it ends."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


class ServerProcess:
    """A server that listens on loopback ports; `port` stays the same over kill() and start()."""

    def __init__(self, command: Sequence[str], ports: Sequence[int], log: Path, host: str = "127.0.0.1") -> None:
        self.command = dies_with_us(command)
        self.ports = tuple(ports)
        self.log, self.host = log, host
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The first port, the one to use when the protocol version does not matter."""
        return self.ports[0]

    @property
    def pid(self) -> int:
        """The process id; the server must be running."""
        assert self._process is not None, "not running"
        return self._process.pid

    def start(self, timeout: float = 10) -> None:
        """Start the server and wait until all its ports answer."""
        assert self._process is None, "already running"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout
        for port in self.ports:
            while not self._answers(port):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"{self.command[0]} does not listen on port {port}: {last_lines(self.log)}")
                time.sleep(0.02)

    def kill(self) -> None:
        """End the server at once, as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in order (SIGTERM); a server that is not running stays so."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self, port: int) -> bool:
        try:
            with socket.create_connection((self.host, port), timeout=0.5):
                return True
        except OSError:
            return False
