"""The gateway of a simulated installation, as a process whose machine loses its power and its time.

What a power cut takes from a disk cannot be shown so: the operating system goes on, and keeps what the gateway wrote.
The gateway's own tests for that cut its files at any byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine_simulators.false_clock import Machine
from vitrine_simulators.faults import Occurrence, Schedule, TruthLog

_log = logger("simulators")
#: Clock faults are told to the process this far ahead, in seconds; a run is not longer without a restart.
_AHEAD = 30 * 86_400.0
_LOOK_S = 0.1
#: Seconds for the gateway to make everything safe at the end.
_PATIENCE = 20.0


class GatewayProcess:
    """Runs ``vitrine gateway run`` until it is stopped; kills it and starts it again as the schedule says."""

    def __init__(self, file: Path, folder: Path, schedule: Schedule | None, truth: TruthLog | None) -> None:
        """Prepare to run the gateway of an installation file, with its data in a folder."""
        self._file, self._folder, self._schedule, self._truth = file, folder, schedule, truth
        self._boot, self._booted = secrets.token_hex(16), time.time()
        self._process: asyncio.subprocess.Process | None = None

    async def run_until(self, stop: asyncio.Event) -> None:
        """Run until `stop`; ConfigurationError where the gateway ends by itself."""
        await self._start()
        told = time.time()
        try:
            while not stop.is_set():
                now = time.time()
                for fault in self._between(told, now):
                    await self._suffer(fault, stop)
                told = now
                self._check()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _LOOK_S)
        finally:
            await self._end(signal.SIGTERM)

    def _between(self, begin: float, end: float) -> Iterator[Occurrence]:
        if self._schedule:
            yield from (one for one in self._schedule.between(begin, end) if one.family == "power")

    async def _suffer(self, fault: Occurrence, stop: asyncio.Event) -> None:
        """Kill the process, start it again when the fault is over, and tell when that truly was."""
        await self._end(signal.SIGKILL)
        begin = time.time()
        _log.warning("the gateway was killed", kind=fault.kind, id=fault.id)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, fault.end - begin))
        if fault.kind == "power-cut":
            self._boot, self._booted = secrets.token_hex(16), time.time()
        if not stop.is_set():
            await self._start()
        if self._truth:
            self._truth.add(replace(fault, begin=begin, end=time.time()))

    async def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        machine = self._folder / "machine.json"
        now = time.time()
        clock = self._schedule.between(self._schedule.started, now + _AHEAD) if self._schedule else []
        Machine(tuple(one for one in clock if one.family == "clock"), self._booted, self._boot).write(machine)
        arguments = ["vitrine_gateway.process", str(self._file), str(self._folder), "console", "info"]
        with (self._folder / "gateway.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "vitrine_simulators.false_clock",
                str(machine),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        _log.info("gateway started", process=self._process.pid, data=str(self._folder))

    def _check(self) -> None:
        if self._process and self._process.returncode is not None:
            raise ConfigurationError(
                f"the gateway of {self._file} ended by itself with code {self._process.returncode}",
                hint=f"Its log says why: {self._folder / 'gateway.log'}",
            )

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), _PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
