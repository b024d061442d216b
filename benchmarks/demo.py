"""`vitrine demo --all` at rest: processor and memory by part, and how old the newest measurement of each site is.

Measured once history is written and the indicators of its hours are computed. Processor time is that of user and system
together, as a share of one core, so that other programs on the machine do not count; memory is each process's
proportional share (PSS).
"""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import psycopg

from benchmarks.report import Result
from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_demo.installations import examples
from vitrine_demo.processes import vitrine

SECONDS = 60
_PATIENCE_S = 1200.0
#: Words of a command line → the part of the demo that it runs.
_PARTS = {
    ("simulate",): "simulators",
    ("gateway", "run"): "gateways",
    ("vitrine_gateway.process",): "gateways",
    ("collector", "run"): "collector",
    ("worker", "run"): "worker",
    ("api", "run"): "portal",
    ("iotcore",): "broker",
    ("demo", "--all"): "the demo itself",
}
_AGES = """
SELECT i.slug, extract(epoch FROM clock_timestamp() - max(l.time))::float8
FROM latest l JOIN channel c USING (channel_id) JOIN installation i USING (installation_id) GROUP BY i.slug
"""


def run() -> list[Result]:
    """Start every example in a temporary folder, wait until it is at rest, measure, stop."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "demo"
        with _demo(folder) as demo:
            url = EmbeddedServer(folder / "database").url
            _wait("history is written", lambda: _filled(folder / "history.json"), demo)
            _wait(
                "indicators are computed",
                lambda: _ask(url, "SELECT count(*) FROM stale_hour") < 3 * len(examples()),
                demo,
            )
            processes = _processes(demo, folder)
            before, began = _processor(processes), time.monotonic()
            ages = _ages(url)
            seconds = time.monotonic() - began
            processes = _processes(demo, folder)
            after = _processor(processes)
            return [
                *_shares({part: (after[part] - before[part]) / seconds for part in after}),
                *_memory(processes),
                *_age_results(ages),
            ]


@contextmanager
def _demo(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the demo; its words go to a file beside its folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder.parent / "output").open("wb") as output:
        command = vitrine("demo", "--all", "--data-dir", str(folder), "--port", str(min(port, 60_000)))
        demo = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "LC_ALL": "C.UTF-8"}
        )
    try:
        yield demo
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(120)


def _wait(what: str, condition: Callable[[], bool], demo: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if demo.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the demo did not come so far that {what}; it ended with {demo.poll()}")
        time.sleep(1.0)


def _filled(state: Path) -> bool:
    if not state.exists():
        return False
    left = [one["left"] for one in json.loads(state.read_text(encoding="utf-8")).values()]
    return len(left) == len(examples()) and not any(left)


def _ask(url: str, statement: str) -> float:
    try:
        with connect(url) as connection:
            row = connection.execute(statement).fetchone()
    except (ConfigurationError, psycopg.Error):
        return float("inf")  # not there yet
    return float(row[0]) if row else float("inf")


def _processes(demo: subprocess.Popen[bytes], folder: Path) -> dict[str, list[psutil.Process]]:
    """Return the processes of each part."""
    found: defaultdict[str, list[psutil.Process]] = defaultdict(list)
    ours = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
    found["database"] = database_processes(folder / "database")
    for one in ours:
        words = _command(one)
        part = next((name for wanted, name in _PARTS.items() if set(wanted) <= set(words)), "")
        if part:
            found[part].append(one)
    return dict(found)


def database_processes(folder: Path) -> list[psutil.Process]:
    """Return the server of a database's folder and what it has begotten."""
    number = int(next(folder.rglob("postmaster.pid")).read_text(encoding="utf-8").split()[0])
    return [psutil.Process(number), *psutil.Process(number).children(recursive=True)]


def processor_time(processes: list[psutil.Process]) -> float:
    """Return the processor time in s that processes have used, with that of their children who have ended."""
    used = 0.0
    for one in processes:
        try:
            used += sum(one.cpu_times()[:4])
        except psutil.Error:
            continue  # it has ended, and its parent counts it
    return used


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []  # it has ended


def _processor(processes: dict[str, list[psutil.Process]]) -> dict[str, float]:
    return {part: processor_time(some) for part, some in processes.items()}


def _ages(url: str) -> dict[str, list[float]]:
    """Return the age in s of each installation's newest measurement, once a second for a minute."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    with connect(url) as connection:
        for _ in range(SECONDS):
            for slug, age in connection.execute(_AGES):
                found[slug].append(age)
            time.sleep(1.0)
    return found


def _shares(shares: dict[str, float]) -> list[Result]:
    parts = [Result(f"demo, processor, {part}", 100 * share, "% of a core") for part, share in shares.items()]
    return [*parts, Result("demo, processor, all of it", 100 * sum(shares.values()), "% of a core")]


def _memory(processes: dict[str, list[psutil.Process]]) -> list[Result]:
    sizes: dict[str, float] = {}
    for part, some in processes.items():
        sizes[part] = 0.0
        for one in some:
            try:
                sizes[part] += one.memory_full_info().pss / 1e6
            except psutil.Error:
                continue  # it has ended
    parts = [Result(f"demo, memory, {part} ({len(processes[part])})", size, "MB") for part, size in sizes.items()]
    return [*parts, Result("demo, memory, all of it", sum(sizes.values()), "MB")]


def _age_results(ages: dict[str, list[float]]) -> list[Result]:
    return [
        Result(f"demo, age of live data, {slug}, {name}", float(np.quantile(some, share)), "s")
        for slug, some in sorted(ages.items())
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]
