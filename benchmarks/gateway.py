"""The gateway on simulated instruments over Modbus TCP: memory, processor, SD card, polls, drain and start.

One run of about five minutes. Each gateway is started as its systemd unit starts it. Processor time is user and system
time of the process from /proc; bytes written are those that its process caused to be sent to storage (`write_bytes` of
/proc/PID/io), without the journal of the file system. The host acknowledges as the collector does: what came within a
quarter of a second together.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from pymodbus.client import AsyncModbusTcpClient
from tests.gateway.host import Host
from tests.gateway.sites import device, tcp, write_profile, write_site
from tests.servers.mosquitto import mosquitto
from tests.servers.process import ServerProcess

from benchmarks._instruments import Instruments, instruments
from benchmarks._thingsboard import InstallError, thingsboard
from benchmarks.report import Result
from vitrine.installation import Connection
from vitrine.ranges import Ranges
from vitrine.settings import settings
from vitrine_gateway.health.visitor import ask
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.plan import Request

#: Units on one connection, and channels (32-bit floats) of each.
DEVICES, CHANNELS = 10, 20
WARM_UP, PERIOD = 8.0, float(os.environ.get("VITRINE_BENCH_SECONDS", "60"))
OUTAGE = 30.0
#: Records of two seconds of the drain's live data: so many wait for their acknowledgement at any time.
_LIVE = 100
BROKER = ("allow_anonymous true", "max_queued_messages 0")
_TARGET_MEMORY, _TARGET_WRITTEN = 50.0, 150.0


@dataclass(frozen=True)
class Use:
    """What a process used in a period."""

    cpu_s: float
    seconds: float
    memory_mb: float


def run() -> list[Result]:
    """Measure one thing after the other."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name, instruments() as bus:
        folder = Path(name)
        results = asyncio.run(_polls(bus))
        results += [_start_time(folder / "start", bus)]
        with mosquitto(folder, BROKER) as broker:
            ours = _ours(folder / "large", bus, broker.port)
            theirs = _theirs(folder / "thingsboard", bus, broker.port)
            written = _written_a_day(folder / "small", bus, broker.port)
            results += _drain(folder / "drain", bus, broker)
        return [*_figures(ours, written, theirs), *results]


def _figures(ours: Use, day: float, theirs: Use | None) -> list[Result]:
    per_million = _per_million(ours)
    against = f"thingsboard-gateway, {DEVICES * CHANNELS} channels, 1 Hz"
    found = [
        Result(
            "gateway, resident memory, 200 channels at 1 Hz",
            ours.memory_mb,
            "MB",
            "target 50 MB",
            ours.memory_mb / _TARGET_MEMORY,
        ),
        Result(
            "gateway, written a day, 50 channels at 1 Hz (extrapolated)",
            day,
            "MB",
            "target 150 MB",
            day / _TARGET_WRITTEN,
        ),
    ]
    if theirs is None:
        return [*found, Result("gateway, CPU per million samples", per_million, "s", f"{against}: not measured")]
    other = _per_million(theirs)
    return [
        *found,
        Result("gateway, CPU per million samples", per_million, "s", against, per_million / other),
        Result("thingsboard-gateway, CPU per million samples", other, "s"),
        Result("gateway, resident memory", ours.memory_mb, "MB", against, ours.memory_mb / theirs.memory_mb),
        Result("thingsboard-gateway, resident memory", theirs.memory_mb, "MB"),
    ]


def _per_million(use: Use) -> float:
    return use.cpu_s / (use.seconds * DEVICES * CHANNELS) * 1e6


# --- processes -------------------------------------------------------------------------------------------------------


def _site(folder: Path, port: int, broker: int, devices: int, channels: int) -> Path:
    folder.mkdir(exist_ok=True)
    write_profile(folder, *((f"c{number}", 2 * number, "float32", "holding") for number in range(channels)))
    profile = folder / "own.toml"
    profile.write_text(profile.read_text().replace("max_registers = 20", "max_registers = 120"))
    path = write_site(
        folder,
        *(device(f"device-{unit}", tcp(port, unit=unit, timeout="2 s"), every="1 s") for unit in range(1, devices + 1)),
        port=broker,
    )
    path.write_text(path.read_text().replace('flush = "100 ms"', 'flush = "5 s"'))
    return path


@contextmanager
def _gateway(folder: Path, path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("vitrine"), "gateway", "run", path, "--data-dir", folder / "data"],
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _use(pid: int, seconds: float) -> Use:
    process = psutil.Process(pid)
    time.sleep(WARM_UP)
    before, began = process.cpu_times(), time.monotonic()
    time.sleep(seconds)
    after, took = process.cpu_times(), time.monotonic() - began
    cpu = after.user + after.system - before.user - before.system
    return Use(cpu, took, process.memory_info().rss / 1e6)


def _written(pid: int) -> int:
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


@contextmanager
def _host(broker: int) -> Iterator[None]:
    """Acknowledge what comes as a collector does."""
    host, stop = Host(broker, acknowledges=False), threading.Event()

    def acknowledge() -> None:
        done = 0
        while not stop.wait(settings().batch_seconds):
            fresh = sorted(host.records[done:])
            done += len(fresh)
            if fresh:
                host.acknowledge("essai", "pi-1", Ranges((number, number) for number in fresh))
            host.messages.clear()

    thread = threading.Thread(target=acknowledge)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        host.close()


def _ours(folder: Path, bus: Instruments, broker: int) -> Use:
    with _host(broker), _gateway(folder, _site(folder, bus.port, broker, DEVICES, CHANNELS)) as process:
        use = _use(process.pid, PERIOD)
        _check(folder, DEVICES)
    return use


def _written_a_day(folder: Path, bus: Instruments, broker: int) -> float:
    """Return what a gateway with 50 channels writes a day, in MB; twice as long, as some files are written seldom."""
    with _host(broker), _gateway(folder, _site(folder, bus.port, broker, 5, 10)) as process:
        time.sleep(WARM_UP)
        before, began = _written(process.pid), time.monotonic()
        time.sleep(2 * PERIOD)
        written = (_written(process.pid) - before) / (time.monotonic() - began) * 86_400 / 1e6
        _check(folder, 5)
    return written


def _check(folder: Path, devices: int) -> None:
    told = ask(folder / "data" / "essai.pi-1")
    missed = sum(one["missed_slots"] for one in told["devices"])
    asked = sum(one["requests"] for one in told["devices"])
    if told["queue"]["records"] > 10 * devices or missed > devices + 0.02 * asked:
        raise RuntimeError(f"the gateway does not keep up: {told['queue']['records']} waiting, {missed} slots missed")


def _theirs(folder: Path, bus: Instruments, broker: int) -> Use | None:
    count = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda *_: count.set()
    client.connect("127.0.0.1", broker)
    client.subscribe("v1/#")
    client.loop_start()
    try:
        with thingsboard(folder, bus.port, broker, DEVICES, CHANNELS) as process:
            before = bus.requests
            use = _use(process.pid, PERIOD)
            asked = bus.requests - before
            if process.poll() is not None or not count.is_set() or asked < PERIOD * DEVICES / 2:
                print(f"thingsboard-gateway sent nothing; it asked {asked} times", file=sys.stderr)
                return None
            print(f"thingsboard-gateway asked {asked / (PERIOD + WARM_UP):.0f} times a second", file=sys.stderr)
            return use
    except InstallError as error:
        print(f"thingsboard-gateway not measured: {error}", file=sys.stderr)
        return None
    finally:
        client.disconnect()
        client.loop_stop()


def _start_time(folder: Path, bus: Instruments) -> Result:
    """Measure from the start of the process to the first request at an instrument."""
    path = _site(folder, bus.port, 1, 1, 1)
    path.write_text(path.read_text().replace('every = "1 s"', 'every = "100 ms"'))
    before, began = bus.requests, time.monotonic()
    with _gateway(folder, path):
        while bus.requests == before:
            if time.monotonic() - began > 60:
                raise RuntimeError("the gateway asked nothing within a minute")
            time.sleep(0.005)
        took = time.monotonic() - began
    return Result("gateway, start to first poll", took, "s", "target 2 s", took / 2)


def _drain(folder: Path, bus: Instruments, broker: ServerProcess) -> list[Result]:
    """Stop the broker for a while, and measure how much faster than real time the backlog goes, beside fresh data.

    The instruments are read ten times a second meanwhile, so that the backlog is that of a time ten times as long.
    """
    path = _site(folder, bus.port, broker.port, 5, 10)
    text = path.read_text().replace(f"port = {broker.port}", f'port = {broker.port}, drain_delay = "1 ms"', 1)
    path.write_text(text.replace('every = "1 s"', 'every = "100 ms"'))
    socket_ = folder / "data" / "essai.pi-1"
    with _gateway(folder, path):
        time.sleep(WARM_UP)
        broker.kill()
        time.sleep(OUTAGE)
        broker.start()
        waiting = ask(socket_)["queue"]["records"]
        with _host(broker.port):
            while not ((uplink := ask(socket_)["uplink"])["connected"] and uplink["in_flight"]):
                time.sleep(0.02)
            began = time.monotonic()
            while (left := ask(socket_)["queue"]["records"]) > _LIVE and time.monotonic() - began < 60:
                time.sleep(0.05)
            took = time.monotonic() - began
    if left > _LIVE:
        raise RuntimeError(f"{left} records of {waiting} still wait after a minute")
    factor = waiting / 5 / max(took, 0.05)
    return [
        Result(
            f"gateway, drain of {waiting / 5:.0f} s of 50 channels, in real time",
            factor,
            "×",
            "target 200",
            factor / 200,
        )
    ]


# --- polls -----------------------------------------------------------------------------------------------------------


async def _polls(bus: Instruments, rounds: int = 10, seconds: float = 0.5) -> list[Result]:
    """Read 40 registers again and again, through our line and through bare pymodbus, in turn."""
    line = Line(Connection(transport="tcp", host="127.0.0.1", port=bus.port, unit=1))
    request = Request("holding", 0, 40, ())
    client = AsyncModbusTcpClient("127.0.0.1", port=bus.port)
    await client.connect()
    ours, bare = _Polls(), _Polls()
    for _ in range(rounds):
        await ours.go_on(lambda: line.read(request, 1, 2.0), seconds)
        await bare.go_on(lambda: client.read_holding_registers(0, count=40, device_id=1), seconds)
    client.close()
    line.close()
    return [
        Result("gateway, polls of 40 registers", ours.rate, "1/s", "bare pymodbus", ours.rate / bare.rate),
        Result("bare pymodbus, polls of 40 registers", bare.rate, "1/s"),
        Result("gateway, CPU of a poll", ours.cpu_us, "µs", "bare pymodbus", ours.cpu_us / bare.cpu_us),
    ]


@dataclass
class _Polls:
    """How many polls there were, in which time, and what they took of the processor."""

    count: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.count * 1e6

    async def go_on(self, poll: Callable[[], Awaitable[object]], seconds: float) -> None:
        began, cpu = time.monotonic(), time.thread_time()
        while time.monotonic() < began + seconds:
            await poll()
            self.count += 1
        self.seconds += time.monotonic() - began
        self.cpu_s += time.thread_time() - cpu
