"""Exports of one million rows over HTTP, against `COPY … TO STDOUT` of the same rows on a bare connection.

The best of three rounds each, in turns, on one machine in one run; both sides read and drop every byte.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from benchmarks.report import Result
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate

ROWS = 1_000_000
ROUNDS = 3
_BARE = "COPY (SELECT time, value, quality, tests FROM measurement WHERE channel_id = 1 ORDER BY time) TO STDOUT"
_PATH = "/api/v1/installations/bench/measurements?channel=d/c&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z"


def run() -> list[Result]:
    """Measure CSV, JSON and Parquet."""
    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder:
        server = EmbeddedServer(Path(folder) / "database")
        url = server.start()
        try:
            _seed(url)
            with _serving(url, Path(folder)) as (address, process):
                return _measure(url, address, process)
        finally:
            server.stop()


def _measure(url: str, address: str, process: psutil.Process) -> list[Result]:
    ways: dict[str, Callable[[], None]] = {"bare": lambda: _bare(url)}
    for form in ("csv", "json", "parquet"):
        ways[form] = lambda form=form: _download(address, form)
    seconds = {name: float("inf") for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name] = min(seconds[name], time.perf_counter() - begin)
    bare = ROWS / seconds.pop("bare")
    results = [
        Result(f"export {form}", ROWS / took, "rows/s", f"COPY TO STDOUT {bare:,.0f} rows/s", ROWS / took / bare)
        for form, took in seconds.items()
    ]
    return [*results, _memory(address, process)]


def _memory(address: str, process: psutil.Process) -> Result:
    """Measure how much three million rows more add to the process that serves them."""
    before = process.memory_info().rss
    for form in ("csv", "json", "parquet"):
        _download(address, form)
    grown = (process.memory_info().rss - before) / 2**20
    size = ROWS * 51 / 2**20
    return Result("export memory growth", grown, "MiB", f"{size:.0f} MiB of rows", grown / size)


def _bare(url: str) -> None:
    with psycopg.connect(url) as connection, connection.cursor() as cursor, cursor.copy(_BARE) as copy:
        for _ in copy:
            pass


def _download(address: str, form: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.request("GET", f"{_PATH}&format={form}")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{form}: {answer.status} {answer.read(500)!r}")
        while answer.read1(2**18):
            pass
    finally:
        connection.close()


def _seed(url: str) -> None:
    migrate(url)
    name = '{"fr": "Essai", "en": "Bench"}'
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO installation (slug, name) VALUES ('bench', %s)", (name,))
        connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'node')")
        connection.execute("INSERT INTO device (gateway_id, key) VALUES (1, 'd')")
        connection.execute(
            "INSERT INTO channel (installation_id, device_id, key, path, name) VALUES (1, 1, 'c', 'd/c', %s)", (name,)
        )
        connection.execute(
            "INSERT INTO measurement SELECT timestamptz '2026-01-01Z' + i * interval '1.037 s', 1, "
            "20 + 5 * sin(i / 100.0) + random(), 1, 0 FROM generate_series(1, %s) i",
            (ROWS,),
        )
        connection.execute("VACUUM ANALYZE measurement")


@contextmanager
def _serving(url: str, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run the real server in a process of its own."""
    environment = {**os.environ, "VITRINE_DATABASE_URL": url, "VITRINE_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", "from vitrine.command import main; main()", "api", "run", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://(\S+)", process.stdout.readline())
            assert found, "the server did not say its address"
            yield found[1], psutil.Process(process.pid)
        finally:
            process.terminate()
