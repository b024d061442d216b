"""The fault matrix: numbered values from the register to the host, whatever happens in between.

Each case ends with every record number at the host or in a report of loss and never in both, no value under two
numbers, and no value missing that is not reported (but for the one answer that was on its way when a process died).
"""

import asyncio
import functools
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from vitrine.ranges import Ranges
from vitrine.sparkplug import Message, Payload, Topic
from vitrine.uplink import EPOCH, LOST, RECORD, Loss
from vitrine_gateway.agent import Agent
from vitrine_gateway.clock import Clock
from vitrine_gateway.kernel_clock import KernelClock
from vitrine_gateway.queue import Queue
from vitrine_gateway.record import Record, Value
from vitrine_gateway.record_bytes import encode
from vitrine_gateway.site import load_site

from .host import Host, until
from .processes import end, start
from .sites import device, tcp, write_profile, write_site
from .test_agent import Counting, instrument, values_of

QUEUE = Path("data") / "essai.pi-1" / "queue"
#: A sample that was read and not yet queued when its process was killed.
ON_ITS_WAY = 1


@contextmanager
def bench(folder: Path, port: int, patch: pytest.MonkeyPatch, queue: str = "") -> Iterator[tuple[Path, Counting]]:
    """Serve a counting instrument, and write the installation file that reads it."""
    write_profile(folder, ("n", 0, "uint32", "holding"))
    with instrument(patch) as server:
        path = write_site(folder, device("count", tcp(server.port), every="50 ms"), port=port)
        if queue:
            path.write_text(path.read_text().replace('flush = "100 ms"', f'flush = "100 ms", {queue}'))
        yield path, server


@contextmanager
def host_at(port: int, *, acknowledges: bool = True) -> Iterator[Host]:
    host = Host(port, acknowledges=acknowledges)
    try:
        yield host
    finally:
        host.close()


def losses(host: Host) -> list[Loss]:
    """Return the reports of loss, each once."""
    texts = {str(text) for _, payload in list(host.messages) if (text := host.value(payload, LOST))}
    return [Loss.from_json(text) for text in sorted(texts)]


def told(host: Host) -> Ranges:
    return Ranges(pair for loss in losses(host) for pair in loss.records)


def held(host: Host) -> Ranges:
    return Ranges((number, number) for number in list(host.records))


def accounted(host: Host) -> bool:
    """Tell whether every number up to the last is at the host or told."""
    numbers = Ranges([*held(host), *told(host)])
    return len(list(numbers)) == 1 and numbers.lowest == 1


def check(host: Host, counted: int, *, kills: int = 0) -> None:
    """Compare what arrived with what was measured: values 1 to `counted`."""
    reports, values = told(host), values_of(host)
    assert accounted(host)
    assert sum(len(loss.records) for loss in losses(host)) == len(reports), "a record was reported twice"
    assert not [number for number in values if number in reports], "a record arrived that was reported as lost"
    assert len(set(values.values())) == len(values), "a value came under two numbers"
    missing = set(range(1, counted + 1)) - {int(value) for value in values.values()}
    assert len(missing) <= len(reports) + ON_ITS_WAY * (kills + 1)


def settle(host: Host, server: Counting) -> int:
    """Wait until everything measured so far is accounted for, and return how much that was."""
    last = server.count
    until(lambda: max(values_of(host).values(), default=0) >= last and accounted(host), 180)  # a machine may be slow
    return last


def prefill(folder: Path, count: int, every_ms: int, **options: int) -> None:
    """Fill a queue as a gateway does during an outage; the values are 1 to `count`."""
    queue = Queue(folder, boot="before", **{"max_bytes": 2_000_000_000, **options})
    begin = time.time_ns() // 1_000_000 - count * every_ms
    for number in range(1, count + 1):
        at = begin + number * every_ms
        record = Record("count", bytes(16), 0, "ntp", (Value("n", at, float(number), 0),))
        queue.append(encode(record), at)
    queue.close()


def test_gateway_killed(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(tmp_path, broker.port, monkeypatch) as (path, server), host_at(broker.port) as host:
        for _ in range(3):
            process, seen = start(path, tmp_path), len(host.records)
            until(functools.partial(beyond, host.records, seen + 3), 40)
            time.sleep(random.uniform(0, 0.2))
            end(process, signal.SIGKILL)
        process = start(path, tmp_path)
        last = settle(host, server)
        end(process)
        check(host, last, kills=3)
        assert not told(host)


def test_broker_gone_for_hours(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(tmp_path, broker.port, monkeypatch) as (path, server):
        server.count = 7_200
        prefill(tmp_path / QUEUE, server.count, 1_000)
        broker.kill()
        process = start(path, tmp_path)
        until(lambda: server.count > 7_210, 30)
        broker.start()
        with host_at(broker.port) as host:
            last = settle(host, server)
            end(process)
            check(host, last)
            assert not told(host)


_FULL_DISK = """
set -e
mount -t tmpfs -o size=400k tmpfs "$1"
"$2" -c "from pathlib import Path
from tests.gateway.test_fault_matrix import prefill
prefill(Path('$1/essai.pi-1/queue'), 14000, 200, max_bytes=1000000000, segment_bytes=30000)"
echo filled
exec "$2" -c "from vitrine_gateway.commands import gateway; gateway()" run "$3" --data-dir "$1"
"""


def test_disk_full(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real file system of 400 KiB, in a mount namespace of its own."""
    namespace = [shutil.which("unshare") or "unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here: a small file system cannot be mounted without root")
    (tmp_path / "data").mkdir()
    with bench(tmp_path, broker.port, monkeypatch, "keep_free = 0") as (path, server), host_at(broker.port) as host:
        server.count = 14_000
        command = ["sh", "-c", _FULL_DISK, "sh", str(tmp_path / "data"), sys.executable, str(path)]
        with (tmp_path / "gateway.log").open("wb") as log:
            process = subprocess.Popen([*namespace, *command], stdout=log, stderr=log)
        try:
            until(lambda: b"gateway started" in (tmp_path / "gateway.log").read_bytes(), 60)
            last = settle(host, server)
        finally:
            end(process)
        check(host, last)
        values = {int(value) for value in values_of(host).values()}
        assert set(range(13_000, last)) <= values, "the newest were lost, not the oldest"
        thinned = [loss for loss in losses(host) if loss.statistics]
        assert thinned
        for loss in thinned:
            rows = loss.statistics["count/n"]
            assert sum(int(row[1]) for row in rows) - len(rows) == len(loss.records)
            assert all(row[3] <= row[2] <= row[4] for row in rows)


@pytest.mark.parametrize("how", ["truncated", "bits flipped"])
def test_damaged_queue(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    with bench(tmp_path, broker.port, monkeypatch) as (path, server):
        server.count = 3_000
        prefill(tmp_path / QUEUE, server.count, 1_000, segment_bytes=20_000)
        files = sorted((tmp_path / QUEUE).glob("*.queue"))
        for file in random.sample(files, 3):
            content = bytearray(file.read_bytes())
            at = random.randrange(len(content))
            if how == "truncated":
                del content[at:]
            else:
                content[at] ^= 1 << random.randrange(8)
            file.write_bytes(content)
        process = start(path, tmp_path)
        with host_at(broker.port) as host:
            last = settle(host, server)
            end(process)
            check(host, last)


def test_clock_steps(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock starts in 1970, is set, and steps an hour in both directions."""
    state = {"offset": -time.time(), "synchronised": False}
    clock = functools.partial(
        Clock,
        wall=lambda: time.time() + state["offset"],
        kernel=lambda: KernelClock(bool(state["synchronised"]), 0.5),
        hardware=lambda: False,
    )
    monkeypatch.setattr("vitrine_gateway.agent.Clock", clock)
    with bench(tmp_path, broker.port, monkeypatch) as (path, server), host_at(broker.port) as host:
        with agent(path, tmp_path / "data"):
            for offset in (None, 0.0, 3_600.0, -3_600.0, 0.0):
                if offset is not None:
                    state.update(offset=offset, synchronised=True)
                seen = server.count
                until(functools.partial(counted, server, seen + 10), 30)
            last = settle(host, server)
        check(host, last)
        assert not told(host)


@contextmanager
def agent(path: Path, folder: Path) -> Iterator[None]:
    """Run an agent in a thread of its own."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    one = Agent(load_site(path), folder)
    thread = threading.Thread(target=lambda: loop.run_until_complete(one.run(stop)))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def test_duplicate_and_delayed_acknowledgements(
    tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bench(tmp_path, broker.port, monkeypatch) as (path, server):
        server.count = 500
        prefill(tmp_path / QUEUE, server.count, 1_000)
        process = start(path, tmp_path)
        with host_at(broker.port, acknowledges=False) as host:
            until(lambda: len(host.records) > 400, 40)
            for _ in range(4):
                time.sleep(0.3)
                late = [number for number in host.records if random.random() < 0.7]
                random.shuffle(late)
                for part in (late[:200], late[:200], late[100:], late[:1]):
                    host.acknowledge("essai", "pi-1", Ranges((number, number) for number in part))
            host.acknowledges = True
            last = settle(host, server)
            end(process)
            check(host, last)
            assert not told(host)


class TwoQueues(Host):
    """A host that knows which queue a record came from, as the collector does: by the last birth."""

    def __init__(self, port: int) -> None:
        self.found: dict[tuple[str, int], float] = {}
        #: Records of slots in which the instrument did not answer in time, as happens on a slow machine.
        self.without: set[tuple[str, int]] = set()
        super().__init__(port)

    def _take(self, client: object, data: object, message: object) -> None:
        before = len(self.messages)
        super()._take(client, data, message)  # type: ignore[arg-type]
        for topic, payload in self.messages[before:]:
            self._keep(topic, payload)

    def _keep(self, topic: Topic, payload: Payload) -> None:
        if topic.message is not Message.DDATA or topic.device != "count":
            return
        number, value = self.value(payload, RECORD), self.value(payload, "n")
        if isinstance(number, int) and isinstance(value, float):
            assert self.found.setdefault((str(self.epoch), number), value) == value
        elif isinstance(number, int):
            self.without.add((str(self.epoch), number))


def test_two_gateways_with_one_identity(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    with bench(tmp_path, broker.port, monkeypatch) as (path, server):
        host = TwoQueues(broker.port)
        for folder in folders:
            folder.mkdir()
        try:
            both = [start(path, folder) for folder in folders]
            until(lambda: len(births(host)) == 2 and len(host.found) > 20, 60)
            until(lambda: any(b"this identity" in (one / "gateway.log").read_bytes() for one in folders), 60)
            for process in both:
                end(process)
            last = server.count
            for folder in folders:  # each alone, until its queue is empty
                process = start(path, folder)
                until(functools.partial(arrived, host, server.count + 5), 60)
                until(lambda: complete(host), 60)
                end(process)
            values = list(host.found.values())
            assert len(set(values)) == len(values), "a value came under two numbers"
            assert len(set(range(1, last + 1)) - set(values)) <= ON_ITS_WAY * 4 + len(host.without)
            assert not told(host)
        finally:
            host.close()


def births(host: Host) -> set[str]:
    return {str(host.value(payload, EPOCH)) for _, payload in host.of(Message.NBIRTH)}


def beyond(records: list[int], count: int) -> bool:
    return len(records) > count


def counted(server: Counting, count: int) -> bool:
    return server.count > count


def arrived(host: TwoQueues, value: int) -> bool:
    return max(list(host.found.values()), default=0) > value


def complete(host: TwoQueues) -> bool:
    """Tell whether the records of the queue that is there now have no hole."""
    numbers = {number for epoch, number in [*host.found, *host.without] if epoch == str(host.epoch)}
    return bool(numbers) and numbers == set(range(1, max(numbers) + 1))
