"""Broker → committed and acknowledged rows, against bare binary COPY of the same rows into the same table.

Gateways on a real broker send numbered records; never more than a window of them is unacknowledged, as in the field.
Beside the whole way, how old a measurement is at its commit when the load is half of what was reached.
"""

import multiprocessing
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event, Semaphore
from pathlib import Path

import numpy as np
import psycopg
from tests.collector.fake_gateway import FakeGateway, Messages
from tests.servers.mosquitto import mosquitto

from benchmarks.report import Result
from vitrine import logs
from vitrine.sparkplug import Message, Metric, Payload, encode
from vitrine_collector.intake import Limits
from vitrine_collector.rows import Rows, copy_stream
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate

COPY = "COPY measurement (time, channel_id, value, quality, tests) FROM STDIN (FORMAT binary)"
#: Mosquitto drops QoS 0 messages that wait behind 1,000 others; a platform's broker is told not to.
BROKER = ("allow_anonymous true", "max_queued_messages 0")
#: Records that a gateway sends in one go.
STEP = 25
START_MS = 1_750_000_000_000


@dataclass(frozen=True)
class Load:
    """Gateways with one device each, whose channels are all read at once."""

    gateways: int
    channels: int
    records: int
    window: int = 150

    @property
    def rows(self) -> int:
        return self.gateways * self.channels * self.records


LOADS = (Load(20, 50, 1000), Load(20, 10, 2000), Load(10, 200, 500))


def run() -> list[Result]:
    """Measure on embedded PostgreSQL with Mosquitto on loopback; VITRINE_BENCH_URL names another database."""
    logs.set_up(level="warning")
    results: list[Result] = []
    with _database() as url:
        for load in LOADS:
            results += _measure(url, load)
    return results


@contextmanager
def _database() -> Iterator[str]:
    if url := os.environ.get("VITRINE_BENCH_URL"):
        migrate(url)
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-", ignore_cleanup_errors=True) as name:
        server = EmbeddedServer(Path(name) / "data")
        url = server.start()
        try:
            migrate(url)
            yield url
        finally:
            server.stop()


def _measure(url: str, load: Load) -> list[Result]:
    name = f"collector, {load.channels} values a record"
    rate = _whole_way(url, load)
    bare = _bare_copy(url)
    return [
        Result(name, rate, "rows/s", "bare binary COPY of the same rows", rate / bare),
        Result(f"bare binary COPY, {load.channels} values a record", bare, "rows/s"),
    ]


def _whole_way(url: str, load: Load) -> float:
    """Return rows per second from the first record sent to the last one acknowledged."""
    with connect(url) as connection:
        connection.execute("TRUNCATE measurement, latest, delivery, time_source, loss, stale_hour, rejected")
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as folder, mosquitto(Path(folder), BROKER) as broker:
        collector = Collector(url, Broker(host="127.0.0.1", port=broker.port), Limits())
        collector.start()
        collector.host.online.wait(20)
        context = multiprocessing.get_context("spawn")
        begin, ready = context.Event(), context.Semaphore(0)
        sender = context.Process(target=_send, args=(broker.port, load, ready, begin), daemon=True)
        sender.start()
        for _ in range(load.gateways):
            ready.acquire()
        started = time.perf_counter()
        begin.set()
        sender.join()
        seconds = time.perf_counter() - started
        collector.stop()
    with connect(url) as connection:
        held = connection.execute("SELECT count(*) FROM measurement").fetchone()
    if sender.exitcode != 0 or held != (load.rows,):
        raise RuntimeError(f"{held} rows arrived of {load.rows}; the sender ended with {sender.exitcode}")
    return load.rows / seconds


def _bare_copy(url: str) -> float:
    """Return rows per second of COPY of what the table holds, in the order of time, in batches alike."""
    with connect(url) as connection:
        rows = _rows_in(connection)
        batches = [b"".join(copy_stream(rows[start : start + 20_000])) for start in range(0, len(rows), 20_000)]
        connection.execute("TRUNCATE measurement")
        started = time.perf_counter()
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.write(batch)
        return len(rows) / (time.perf_counter() - started)


def _rows_in(connection: psycopg.Connection) -> Rows:
    found = connection.execute(
        "SELECT (extract(epoch FROM time) * 1000000)::bigint, channel_id, value, quality, tests "
        "FROM measurement ORDER BY time, channel_id"
    ).fetchall()
    time_us, channel, value, quality, tests = zip(*found, strict=True)
    return Rows(time_us, channel, np.array(value, dtype=np.float64), quality, tests)


def _send(port: int, load: Load, ready: Semaphore, begin: Event) -> None:
    """Play all gateways: prepare every packet, then send as fast as the acknowledgements let it."""
    names = [f"channel-{number:03}" for number in range(load.channels)]
    gateways, links, prepared = [], [], []
    for number in range(load.gateways):
        messages = Messages(group="bench", node=f"pi-{number}", device=f"device-{number}", channels=names)
        gateway = FakeGateway(port, messages, answers_rebirth=False)
        links.append(_connect(port, f"link-{number}"))
        for topic, payload in (messages.nbirth(), messages.dbirth()):
            links[-1].sendall(_publish(topic, payload))
        topic = messages.topic(Message.DDATA, messages.device)
        prepared.append([_publish(topic, _record(messages, index, load)) for index in range(load.records)])
        gateways.append(gateway)
        ready.release()
    begin.wait()
    for start in range(0, load.records, STEP):
        for gateway, link, packets in zip(gateways, links, prepared, strict=True):
            if not gateway.wait_acknowledged(start + STEP - load.window, 60):
                raise RuntimeError(f"record {start} is stuck behind {len(gateway.acknowledged)} acknowledged ones")
            link.sendall(b"".join(packets[start : start + STEP]))
    for gateway, link in zip(gateways, links, strict=True):
        if not gateway.wait_acknowledged(load.records, 60):
            raise RuntimeError(f"only {len(gateway.acknowledged)} of {load.records} records were acknowledged")
        gateway.close()
        link.close()


def _connect(port: int, client: str) -> socket.socket:
    """Open an MQTT 3.1.1 connection without any client library, which would cost more than what it measures."""
    link = socket.create_connection(("127.0.0.1", port))
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + _text(client)
    link.sendall(b"\x10" + _length(len(body)) + body)
    if link.recv(4) != b"\x20\x02\x00\x00":
        raise RuntimeError("the broker refuses the connection")
    return link


def _publish(topic: str, payload: bytes) -> bytes:
    body = _text(topic) + payload
    return b"\x30" + _length(len(body)) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _length(number: int) -> bytes:
    found = bytearray()
    while True:
        number, digit = divmod(number, 128)
        found.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(found)


def _record(messages: Messages, index: int, load: Load) -> bytes:
    moment = START_MS + 1000 * index
    values = tuple(
        Metric(alias=100 + channel, timestamp=moment, value=20.0 + channel + index / 1000)
        for channel in range(load.channels)
    )
    delivery = (
        Metric(alias=1000, timestamp=moment, value=index + 1),
        Metric(alias=1001, timestamp=moment, value="ntp"),
    )
    return encode(Payload(timestamp=moment, seq=messages.next_seq(), metrics=values + delivery))
