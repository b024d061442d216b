"""Declared faults of bus, network, clock and power: the gateway survives each, says what it suffers, and loses nothing."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.servers.broker import Rumqttd
from tests.servers.process import free_ports
from vitrine.errors import VitrineError
from vitrine.ranges import Ranges
from vitrine.uplink import LOST, TIME_SOURCE, Loss
from vitrine_gateway.health.visitor import ask
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.site import Site, load_site
from vitrine_simulators.faults import Schedule, load_faults, read_truth
from vitrine_simulators.field import FaultyField
from vitrine_simulators.simulation import Simulation
from vitrine_simulators.sources import PlantChoice, plant_for

from .host import Host, until
from .sites import device, write_profile, write_site

#: Kind and parameters of a fault, transport, and what the gateway says of the device.
SUFFERED = {
    "no-answer": ('kind = "no-answer"', "tcp", "no answer within"),
    "late-answer": ('kind = "late-answer"\ndelay = "700 ms"', "tcp", "no answer within"),
    "late-serial": ('kind = "late-answer"\ndelay = "700 ms"', "rtu_over_tcp", "no answer within"),
    "wrong-function": ('kind = "wrong-function"', "tcp", "function"),
    "wrong-length": ('kind = "wrong-length"', "tcp", "(length|bytes|registers)"),
    "wrong-unit": ('kind = "wrong-unit"', "tcp", "no answer within"),
    "exception": ('kind = "exception"\ncode = 4', "tcp", "device failure"),
    "busy": ('kind = "exception"\ncode = 6', "tcp", "busy"),
    "illegal-addresses": ('kind = "illegal-addresses"\nfirst = 2\nlast = 9', "tcp", "b: .*illegal data address"),
    "truncated": ('kind = "truncated"', "tcp", "no answer within"),
    "wrong-check-sum": ('kind = "wrong-check-sum"', "rtu_over_tcp", "(check|CRC)"),
    "slow": ('kind = "slow"\nbyte_time = "80 ms"', "tcp", "no answer within"),
    "cut": ('kind = "cut"', "tcp", "no answer within"),
    "reset": ('kind = "cut"\nhow = "reset"', "tcp", "(connect|connection)"),
    "flapping": ('kind = "flapping"\nperiod = "2 s"', "tcp", "no answer within"),
    "delay": ('kind = "delay"\ndelay = "700 ms"', "tcp", "no answer within"),
}
#: Seconds after the start at which the faults begin, and for which they last.
BEGIN, LASTING = 2, 5


def written(folder: Path, faults: dict[str, tuple[str, str, str]]) -> Site:
    """Write a site with a device for each fault, and the faults."""
    write_profile(folder, ("a", 0, "uint16", "holding"), ("b", 2, "uint16", "holding"))
    devices, text = [], ""
    for (key, (fault, transport, _)), port in zip(faults.items(), free_ports(len(faults)), strict=True):
        connection = f'transport = "{transport}", host = "127.0.0.1", port = {port}, timeout = "300 ms"'
        devices.append(device(key, f"{{ {connection} }}", every="200 ms"))
        text += f'[[fault]]\n{fault}\ndevice = "{key}"\nat = "{BEGIN} s"\nfor = "{LASTING} s"\n'
    (folder / "faults.toml").write_text(text)
    return load_site(write_site(folder, *devices))


@asynccontextmanager
async def suffering(folder: Path, site: Site) -> AsyncIterator[Schedule]:
    """Serve the instruments of a site with its faults."""
    faults = load_faults(folder / "faults.toml", site.installation)
    schedule = Schedule(faults, 1, time.time())
    simulation = Simulation(conditions=FaultyField(faults, schedule))
    simulation.add(site.installation, plant_for(site.installation, PlantChoice.PROFILE, 1))
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(simulation.run(stop, ready))
    try:
        await asyncio.wait_for(ready.wait(), 10)
        yield schedule
    finally:
        stop.set()
        await task


@pytest.mark.anyio
async def test_every_fault_on_the_way_is_told_and_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrine_gateway.modbus.quarantine._QUARANTINE", 2.0)
    site = written(tmp_path, SUFFERED)
    told: defaultdict[str, set[str]] = defaultdict(set)
    opened, quarantined = set(), set()
    instruments = Instruments(site, lambda sample: None)
    async with suffering(tmp_path, site) as schedule:
        reading = asyncio.create_task(instruments.run())
        try:
            while time.time() < schedule.started + BEGIN + LASTING:
                for key, reason in instruments.failing().items():
                    told[key].add(reason)
                for key in SUFFERED:
                    reader = instruments.reader_of(key)
                    assert reader
                    opened |= {key} if reader.breaker == "open" else set()
                    quarantined |= {key} if reader.quarantined else set()
                await asyncio.sleep(0.05)
            async with asyncio.timeout(40):
                while instruments.failing():
                    await asyncio.sleep(0.1)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    silent = {key: told[key] for key, row in SUFFERED.items() if not any(re.search(row[2], one) for one in told[key])}
    assert not silent
    assert {"no-answer", "cut"} <= opened, "the breaker spares the line"
    assert {"illegal-addresses", "exception"} <= quarantined
    assert "busy" not in quarantined


@pytest.mark.anyio
async def test_an_instrument_with_one_connection_is_read_once_the_other_master_leaves(tmp_path: Path) -> None:
    site = written(tmp_path, {"one": ('kind = "one-connection"', "tcp", "")})
    text = (tmp_path / "faults.toml").read_text()
    (tmp_path / "faults.toml").write_text(text.replace(f'at = "{BEGIN} s"', 'at = "1 ms"').replace('"5 s"', '"1 h"'))
    connection = site.devices[0].device.connection
    instruments = Instruments(site, lambda sample: None)
    async with suffering(tmp_path, site):
        _, other = await asyncio.open_connection(connection.host, connection.port)
        reading = asyncio.create_task(instruments.run())
        try:
            async with asyncio.timeout(20):
                while not instruments.failing():
                    await asyncio.sleep(0.05)
                other.close()
                while instruments.failing():
                    await asyncio.sleep(0.05)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


FAULTS = """
[[fault]]
kind = "cut"
at = "{cut} s"
for = "3 s"

[[fault]]
kind = "delay"
delay = "300 ms"
at = "{delay} s"
for = "2 s"

[[fault]]
kind = "clock-step"
size = 3600
at = "{step} s"
for = "2 s"

[[fault]]
kind = "clock-drift"
per_hour = 3600
at = "{drift} s"
for = "2 s"

[[fault]]
kind = "killed"
at = "{killed} s"
for = "1 s"

[[fault]]
kind = "power-cut"
at = "{power} s"
for = "2 s"

[[fault]]
kind = "clock-1970"
at = "{power} s"
for = "6 s"
"""
TIMES = {"cut": 4, "delay": 8, "step": 11, "drift": 14, "killed": 17, "power": 20}


@contextmanager
def simulated(folder: Path, broker: int, log: Path) -> Iterator[None]:
    """Run ``vitrine simulate`` with a gateway, behind a network with faults."""
    (folder / "faults.toml").write_text(FAULTS.format(**TIMES))
    code = "from vitrine_simulators.commands import simulate; simulate()"
    options = {
        "--plant": "counting",
        "--log": log,
        "--gateway": folder / "data",
        "--uplink-to": f"127.0.0.1:{broker}",
        "--faults": folder / "faults.toml",
        "--truth": folder / "truth.jsonl",
    }
    command = [sys.executable, "-c", code, folder / "site.toml", *(word for pair in options.items() for word in pair)]
    with (folder / "simulate.log").open("wb") as out:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(40) == 0, (folder / "simulate.log").read_text()
        finally:
            process.kill()


def test_network_clock_and_power_fail_and_no_number_is_lost_or_has_a_wrong_time(
    tmp_path: Path, broker: Rumqttd
) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    (uplink, port), log = free_ports(2), tmp_path / "served.log"
    connection = f'{{ transport = "tcp", host = "127.0.0.1", port = {port}, timeout = "1 s" }}'
    site = write_site(tmp_path, device("count", connection, every="100 ms"), port=uplink)
    site.write_text(site.read_text().replace(f"port = {uplink}", f'port = {uplink}, drain_delay = "10 ms"', 1))
    host = Host(broker.port)
    try:
        with simulated(tmp_path, broker.port, log):
            until(lambda: len(host.records) > 5, 40)
            until(lambda: steps(tmp_path / "data" / "essai.pi-1") >= 1, 40)
            until(lambda: len(read_truth(tmp_path / "truth.jsonl")) == 7, 60)
            end = max(fault.end for fault in read_truth(tmp_path / "truth.jsonl"))
            until(lambda: time.time() > end + 3, 30)
            last = served(log)
            until(lambda: last <= set(values(host)), 40)
        found, times = values(host), truth_of(log)
        told = Ranges(pair for loss in losses(host) for pair in loss.records)
        assert {loss.reason.partition(":")[0] for loss in losses(host)} <= {"power cut"}
        assert not [number for number in host.records if number in told], "what arrived is not told as lost"
        numbers = Ranges([*((number, number) for number in host.records), *told])
        assert len(list(numbers)) == numbers.lowest == 1, "every record is there, or told"
        assert len(times.keys() - found.keys()) <= 3 + 2, "no value is missing but those under way at a kill"
        wrong = {n: at - times[n] for n, at in found.items() if abs(at - times[n]) > 1.5}
        assert not wrong, "every value has the true time, whatever the clock showed"
        assert "restamped" in sources(host), "what was read in 1970 was stamped again"
    finally:
        host.close()
    check_truth(tmp_path / "truth.jsonl")


def check_truth(path: Path) -> None:
    told = {fault.kind: fault for fault in read_truth(path)}
    families = {kind: fault.family for kind, fault in told.items()}
    assert families == {
        "cut": "network",
        "delay": "network",
        "clock-step": "clock",
        "clock-drift": "clock",
        "clock-1970": "clock",
        "killed": "power",
        "power-cut": "power",
    }
    assert told["killed"].end - told["killed"].begin == pytest.approx(1.0, abs=1.0)
    assert told["power-cut"].begin - told["cut"].begin == pytest.approx(TIMES["power"] - TIMES["cut"], abs=1.0)


def values(host: Host) -> dict[int, float]:
    """Return the time of each number that arrived, in seconds."""
    found: dict[int, float] = {}
    for topic, payload in list(host.messages):
        for metric in payload.metrics if topic.device == "count" else ():
            if host.name(metric) == "n" and isinstance(metric.value, float) and metric.timestamp:
                found[int(metric.value)] = metric.timestamp / 1000
    return found


def truth_of(log: Path) -> dict[int, float]:
    lines = (line.split(" ") for line in log.read_text().splitlines())
    return {int(number): float(at) for _, number, at in lines}


def served(log: Path) -> set[int]:
    numbers = list(truth_of(log))
    return {numbers[-1]}


def losses(host: Host) -> list[Loss]:
    texts = {str(text) for _, payload in list(host.messages) if (text := host.value(payload, LOST))}
    return [Loss.from_json(text) for text in texts]


def steps(place: Path) -> int:
    """Return the steps of the clock that the gateway has seen; 0 while it is away."""
    try:
        return int(ask(place)["clock"]["steps"])
    except VitrineError:
        return 0


def sources(host: Host) -> set[object]:
    return {host.value(payload, TIME_SOURCE) for topic, payload in list(host.messages) if topic.device == "count"}


@pytest.mark.anyio
async def test_a_sensor_out_of_reach_is_silent_and_comes_back(tmp_path: Path, broker: Rumqttd) -> None:
    sensor = f'{{ transport = "mqtt", host = "127.0.0.1", port = {broker.port}, topic = "site/room" }}'
    site = load_site(write_site(tmp_path, device("room", sensor, profile="json-temperature-humidity", every="2 s")))
    (tmp_path / "faults.toml").write_text('[[fault]]\nkind = "cut"\ndevice = "room"\nat = "2 s"\nfor = "5 s"\n')
    values: list[float | None] = []
    instruments = Instruments(site, lambda sample: values.extend(one.value for one in sample.readings))
    async with suffering(tmp_path, site) as schedule:
        reading = asyncio.create_task(instruments.run())
        try:
            async with asyncio.timeout(40):
                await asyncio.sleep(schedule.started + 3.0 - time.time())
                while "no message for 2 s" not in instruments.failing().values():
                    await asyncio.sleep(0.05)
                while instruments.failing():
                    await asyncio.sleep(0.05)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert None in values, "its silence is told"
    assert values[-1] is not None
