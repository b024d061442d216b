"""Broker → committed and acknowledged rows, against bare binary COPY of the same rows into the same table.

Gateways on a real broker send numbered records; never more than a gateway's window of them is unacknowledged, as in
the field. On plain PostgreSQL and on TimescaleDB (Apache edition), by channels of a device and by size of a batch; how
old a sample is at its commit when the load is half of what was reached; what the collector takes of memory in a flood.

VITRINE_BENCH_URL names another database; VITRINE_BENCH_AGE_SECONDS and VITRINE_BENCH_FLOOD_SECONDS how long the last
two are measured (20 each; 600 is the long form of the flood).
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psycopg
from numpy.typing import NDArray
from tests.servers.apache import apache_server
from tests.servers.model import Unavailable
from tests.servers.mosquitto import mosquitto

from benchmarks._gateways import Load, flood, send
from benchmarks.report import Result
from vitrine import logs
from vitrine_collector.batch import Batch
from vitrine_collector.limits import Limits
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate

#: Mosquitto drops QoS 0 messages that wait behind 1,000 others; a platform's broker is told not to.
BROKER = ("allow_anonymous true", "max_queued_messages 0")
COPY = "COPY measurement (time, channel_id, value, quality, tests) FROM STDIN (FORMAT binary)"
COPIED = (
    "COPY (SELECT time, channel_id, value, quality, tests FROM measurement ORDER BY time, channel_id) "
    "TO STDOUT (FORMAT binary)"
)
#: The stream's header, a row without a missing value, and the trailer, in bytes.
HEADER, ROW, TRAILER = 19, 46, 2
BATCH_ROWS = Limits().batch_rows
#: A million rows each, or a little more.
CHANNELS = (Load(20, 10, 5000), Load(20, 50, 1000), Load(10, 200, 600))
BATCHES = (2_000, 100_000)


def run() -> list[Result]:
    """Measure on each edition that can be had here."""
    logs.set_up(level="warning")
    results: list[Result] = []
    for edition, server in (("plain", _plain), ("apache", _apache)):
        try:
            with server() as url:
                migrate(url)
                results += _measure(edition, url)
        except Unavailable as error:
            print(f"collector on {edition}: not measured: {error}", file=sys.stderr)
        if os.environ.get("VITRINE_BENCH_URL"):
            break
    return results


@contextmanager
def _plain() -> Iterator[str]:
    if url := os.environ.get("VITRINE_BENCH_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-", ignore_cleanup_errors=True) as name:
        server = EmbeddedServer(Path(name) / "data")
        try:
            yield server.start()
        finally:
            server.stop()


@contextmanager
def _apache() -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="vitrine-bench-", ignore_cleanup_errors=True) as name,
        apache_server(Path(name), durable=True) as server,
    ):
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        yield server.database("bench")


def _measure(edition: str, url: str) -> list[Result]:
    results = []
    for load in CHANNELS:
        results += _rate(edition, url, load, BATCH_ROWS)
    middle = CHANNELS[1]
    for size in BATCHES:
        results += _rate(edition, url, middle, size)
    reached = next(result.value for result in results if result.unit == "rows/s")
    results += _age(edition, url, replace(middle, rate=reached / 2))
    results += _flood(edition, url, middle)
    return results


def _rate(edition: str, url: str, load: Load, batch_rows: int) -> list[Result]:
    name = f"collector, {edition}, {load.channels} values a record, batches of {batch_rows:,}"
    whole = _whole_way(url, load, Limits(batch_rows=batch_rows))
    rate, bare = load.rows / whole.seconds, _bare_copy(url, batch_rows)
    return [
        Result(name, rate, "rows/s", "bare binary COPY of the same rows in the same batches", rate / bare),
        Result(
            f"  processor time of the collector ({edition})", 1e6 * whole.collector_s / load.rows, "s a million rows"
        ),
        Result(f"  of gateways and broker beside it ({edition})", 1e6 * whole.others_s / load.rows, "s a million rows"),
        Result(f"  bare binary COPY ({edition})", bare, "rows/s"),
    ]


@dataclass
class _Ages:
    """How old each sample is when its batch is committed."""

    milliseconds: list[NDArray[np.float64]]

    def note(self, batch: Batch) -> None:
        self.milliseconds.append(time.time() * 1000 - batch.rows.time_us / 1000)


def _age(edition: str, url: str, load: Load) -> list[Result]:
    seconds = float(os.environ.get("VITRINE_BENCH_AGE_SECONDS", "20"))
    load = replace(load, records=max(1, int(load.rate * seconds / load.gateways / load.channels)))
    ages = _Ages([])
    _whole_way(url, load, Limits(), ages)
    found = np.concatenate(ages.milliseconds)
    name = f"age of a sample at its commit, {edition}, {load.rate:,.0f} rows/s"
    return [Result(f"{name}, p{quantile}", float(np.percentile(found, quantile)), "ms") for quantile in (50, 99)]


@dataclass(frozen=True)
class _Way:
    """From the first record sent to the last acknowledged: seconds, and processor time."""

    seconds: float
    collector_s: float
    #: Of the gateways and the broker, which have the same processor; the database's is not known.
    others_s: float


def _whole_way(url: str, load: Load, limits: Limits, ages: _Ages | None = None) -> _Way:
    """Send a load through broker and collector, and wait until all of it is acknowledged."""
    _empty(url)
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, mosquitto(Path(folder), BROKER) as broker:
        collector = Collector(url, Broker(host="127.0.0.1", port=broker.port), limits)
        if ages is not None:
            collector.outbox.written = ages.note
        collector.start()
        collector.host.online.wait(20)
        context = multiprocessing.get_context("spawn")
        begin, ready, spent = context.Event(), context.Semaphore(0), context.Value("d")
        sender = context.Process(target=send, args=(broker.port, load, ready, begin, spent), daemon=True)
        sender.start()
        for _ in range(load.gateways):
            ready.acquire()
        started, cpu, others = time.perf_counter(), time.process_time(), _processor_s(broker.pid)
        begin.set()
        sender.join()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        others = _processor_s(broker.pid) - others + spent.value
        collector.stop()
    with connect(url) as connection:
        held = connection.execute("SELECT count(*) FROM measurement").fetchone()
    if sender.exitcode != 0 or held != (load.rows,):
        raise RuntimeError(f"{held} rows arrived of {load.rows}; the sender ended with {sender.exitcode}")
    return _Way(seconds, cpu, others)


def _processor_s(pid: int) -> float:
    """Return the processor time of a process so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _empty(url: str) -> None:
    with connect(url) as connection:
        connection.execute(
            "TRUNCATE measurement, latest, delivery, time_source, loss, stale_hour, rejected, unjudged_range"
        )


def _bare_copy(url: str, batch_rows: int) -> float:
    """Return rows per second of COPY of what the table holds, in the order of time, in batches of the same size."""
    with connect(url) as connection:
        with connection.cursor() as cursor, cursor.copy(COPIED) as out:
            data = b"".join(bytes(part) for part in out)
        header, rows, trailer = data[:HEADER], data[HEADER:-TRAILER], data[-TRAILER:]
        count, step = len(rows) // ROW, batch_rows * ROW
        if count * ROW != len(rows):
            raise RuntimeError("the rows are not of equal length")
        connection.execute("TRUNCATE measurement")
        started = time.perf_counter()
        for start in range(0, len(rows), step):
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.write(header + rows[start : start + step] + trailer)
        return count / (time.perf_counter() - started)


def _flood(edition: str, url: str, load: Load) -> list[Result]:
    """Let gateways send as fast as the broker takes it, waiting for nobody; watch the collector's memory."""
    seconds = float(os.environ.get("VITRINE_BENCH_FLOOD_SECONDS", "20"))
    _empty(url)
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, mosquitto(Path(folder)) as broker:
        environment = os.environ | {
            "DATABASE_URL": url,
            "VITRINE_BROKER_HOST": "127.0.0.1",
            "VITRINE_BROKER_PORT": str(broker.port),
            "VITRINE_LOG_LEVEL": "error",
        }
        command = [sys.executable, "-c", "from vitrine_collector.commands import collector; collector()", "run"]
        collector = subprocess.Popen(command, env=environment)
        context = multiprocessing.get_context("spawn")
        over = context.Event()
        sender = context.Process(target=flood, args=(broker.port, load, over), daemon=True)
        sender.start()
        sizes = _watched(collector.pid, seconds)
        over.set()
        sender.join(60)
        collector.terminate()
        collector.wait(60)
    rows = _written(url, load)
    third = len(sizes) // 3
    middle, last = max(sizes[third : 2 * third]), max(sizes[-third:])
    name = f"memory in a flood of {seconds:g} s, {edition}"
    return [
        Result(f"{name}, most", max(sizes), "MB"),
        Result(f"{name}, last third", last, "MB", "the third before", last / middle),
        Result(f"  rows written meanwhile ({edition})", rows / seconds, "rows/s"),
    ]


def _written(url: str, load: Load) -> int:
    """Return the rows that are there; RuntimeError where they are not those of the records that are said to be held."""
    with connect(url) as connection:
        held = connection.execute(
            "SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM delivery CROSS JOIN unnest(held) AS part"
        ).fetchone()
        rows = connection.execute("SELECT count(*) FROM measurement").fetchone()
    assert held is not None
    assert rows is not None
    if not rows[0] or rows[0] != held[0] * load.channels:
        raise RuntimeError(f"{rows[0]} rows of {held[0]} records of {load.channels} values")
    return int(rows[0])


def _watched(pid: int, seconds: float) -> list[float]:
    """Return resident megabytes of a process, twice a second."""
    sizes, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        sizes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        time.sleep(0.5)
    return sizes
