"""The gateway as a process of its own; what a test starts is ended with the test, however it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

_started: list[subprocess.Popen[bytes]] = []


def start(path: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Run an installation file; its log and its data go into the folder."""
    code = "from vitrine_gateway.commands import gateway; gateway()"
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, "run", str(path), "--data-dir", str(folder / "data")],
            stderr=log,
            stdout=log,
            env={**os.environ, "VITRINE_LOG_FORMAT": "json"},
        )
    _started.append(process)
    return process


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process to end, and wait for it."""
    process.send_signal(how)
    process.wait(20)


def end_all() -> None:
    """Kill what a test that failed has left running: its warnings would fail another test."""
    while _started:
        end(_started.pop(), signal.SIGKILL)
