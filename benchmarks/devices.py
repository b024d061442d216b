"""One gateway polls 200 simulated instruments at 1 Hz: missed slots, records at the broker, processor time of both.

Each instrument has a TCP port of its own, and a real profile; one process of ``vitrine simulate`` serves all of them.
The default run takes 30 s; the five-minute one is ``VITRINE_BENCH_SECONDS=300 ./scripts/bench devices``, another number
of instruments ``VITRINE_BENCH_DEVICES``. Where slots are missed, fewer instruments are tried until none is.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from tests.gateway.host import Host
from tests.gateway.sites import device, tcp, write_site
from tests.servers.mosquitto import mosquitto
from tests.servers.process import free_ports

from benchmarks.report import Result
from vitrine_gateway.health.visitor import ask
from vitrine_gateway.site import load_site

DEVICES = int(os.environ.get("VITRINE_BENCH_DEVICES", "200"))
PERIOD = float(os.environ.get("VITRINE_BENCH_SECONDS", "30"))
WARM_UP = 15.0
#: Longest run with fewer instruments, in seconds.
_SHORT = 60.0
PROFILES = ("siemens-mag6000", "keller", "eastron-sdm120", "vaisala-wxt530", "xy-md02")
BROKER = ("allow_anonymous true", "max_queued_messages 0")
_NAP, _WINDOW = 0.05, 10.0


@dataclass(frozen=True)
class Run:
    """What one run with so many instruments showed."""

    devices: int
    channels: int
    seconds: float
    missed: int
    missed_at_start: int
    failing: int
    records: int
    gateway_cpu_s: float
    simulator_cpu_s: float
    gateway_mb: float
    machine: float
    stall_s: float
    worst: int
    waiting: int

    @property
    def slots(self) -> float:
        """Return how many readings were due."""
        return self.devices * self.seconds


def run() -> list[Result]:
    """Measure with all instruments, and with fewer where slots were missed."""
    first = last = _measure(DEVICES, PERIOD)
    while last.missed and last.devices > DEVICES // 5:
        print(f"{last.devices} instruments: {last.missed} slots missed", file=sys.stderr, flush=True)
        last = _measure(last.devices - DEVICES // 5, min(PERIOD, _SHORT))
    found = _results(first)
    if last is not first:
        most = last.devices if not last.missed else 0
        found.append(Result("instruments without a missed slot", most, "", f"of {DEVICES}", most / DEVICES))
    return found


def _results(run: Run) -> list[Result]:
    what = f"{run.devices} instruments, {run.channels} channels, 1 Hz, {run.seconds:.0f} s"
    return [
        Result(f"{what}: missed slots", run.missed, "", f"{run.slots:.0f} slots", run.missed / run.slots),
        Result(
            f"missed slots in the worst {_WINDOW:.0f} s", run.worst, "", "all missed", run.worst / max(1, run.missed)
        ),
        Result("missed slots in the first 15 s", run.missed_at_start, ""),
        Result("instruments that fail at the end", run.failing, ""),
        Result("records that wait at the end", run.waiting, "", "a second of all", run.waiting / run.devices),
        Result("records at the broker", run.records, "", f"{run.slots:.0f} slots", run.records / run.slots),
        Result(
            "gateway, processor", run.gateway_cpu_s / run.seconds, "cores", "one core", run.gateway_cpu_s / run.seconds
        ),
        Result("gateway, resident memory", run.gateway_mb, "MB"),
        Result(
            "simulator, processor",
            run.simulator_cpu_s / run.seconds,
            "cores",
            "the gateway",
            run.simulator_cpu_s / run.gateway_cpu_s,
        ),
        Result("whole machine, others included", run.machine, "cores", f"{os.cpu_count()} cores"),
        Result("longest time that the machine let an idle process wait", run.stall_s, "s"),
    ]


def _measure(devices: int, seconds: float) -> Run:
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        broker = stack.enter_context(mosquitto(folder, BROKER))
        path = _site(folder, devices, broker.port)
        simulator = stack.enter_context(_process(folder / "simulator.log", "simulate", path, "--plant", "profile"))
        _wait_for(folder / "simulator.log", "instruments ready")
        host = Host(broker.port)
        stack.callback(host.close)
        data = folder / "data"
        gateway = stack.enter_context(_process(folder / "gateway.log", "gateway", "run", path, "--data-dir", data))
        time.sleep(WARM_UP)
        return _watch(path, data / "essai.pi-1", host, (gateway.pid, simulator.pid), seconds)


def _watch(path: Path, place: Path, host: Host, pids: tuple[int, int], seconds: float) -> Run:
    site = load_site(path)
    at_start = _missed(ask(place))
    received, began = len(set(host.records)), time.monotonic()
    before = [psutil.Process(pid).cpu_times() for pid in pids]
    psutil.cpu_percent()
    stall, worst = 0.0, 0
    for _ in range(max(1, round(seconds / _WINDOW))):
        so_far = _missed(ask(place))
        stall = max(stall, _idle(seconds / max(1, round(seconds / _WINDOW))))
        worst = max(worst, _missed(ask(place)) - so_far)
    took, load = time.monotonic() - began, psutil.cpu_percent()
    records = len(set(host.records)) - received
    told = ask(place)
    after = [psutil.Process(pid).cpu_times() for pid in pids]
    used = [b.user + b.system - a.user - a.system for a, b in zip(before, after, strict=True)]
    failing = sum(1 for one in told["devices"] if one["failure"])
    return Run(
        devices=len(site.devices),
        channels=sum(len(one.channels) for one in site.devices),
        seconds=took,
        missed=_missed(told) - at_start,
        missed_at_start=at_start,
        failing=failing,
        records=records,
        gateway_cpu_s=used[0],
        simulator_cpu_s=used[1],
        gateway_mb=psutil.Process(pids[0]).memory_info().rss / 1e6,
        machine=load / 100 * (os.cpu_count() or 1),
        stall_s=stall,
        worst=worst,
        waiting=told["queue"]["records"],
    )


def _idle(seconds: float) -> float:
    """Do nothing for so long, and return the longest time by which the machine woke this process too late."""
    worst, end = 0.0, time.monotonic() + seconds
    while (before := time.monotonic()) < end:
        time.sleep(_NAP)
        worst = max(worst, time.monotonic() - before - _NAP)
    return worst


def _missed(told: dict[str, Any]) -> int:
    return sum(one["missed_slots"] for one in told["devices"])


def _site(folder: Path, devices: int, broker: int) -> Path:
    several = (
        device(f"d{number}", tcp(port, timeout="2 s"), profile=PROFILES[number % len(PROFILES)], every="1 s")
        for number, port in enumerate(free_ports(devices))
    )
    path = write_site(folder, *several, port=broker)
    path.write_text(path.read_text().replace('flush = "100 ms"', 'flush = "5 s"'))
    return path


def _wait_for(log: Path, words: str) -> None:
    end = time.monotonic() + 60
    while words not in log.read_text():
        if time.monotonic() > end:
            raise RuntimeError(f"the simulator did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


@contextmanager
def _process(log: Path, *arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    command = [str(Path(sys.executable).with_name("vitrine")), *map(str, arguments)]
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
