"""Health: what the machine tells, what is left out, the page, and the socket that needs no setting."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.process import free_port
from vitrine import uplink
from vitrine.errors import InstallationError, VitrineError
from vitrine.installation_file import load
from vitrine_gateway.agent import Agent
from vitrine_gateway.clock import Clock
from vitrine_gateway.health.device_words import DeviceWords
from vitrine_gateway.health.machine import machine
from vitrine_gateway.health.snapshot import DeviceHealth
from vitrine_gateway.health.visitor import ask
from vitrine_gateway.health.vitals import Vitals
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.queue import Queue
from vitrine_gateway.site import load_site
from vitrine_gateway.uplink.metrics import NODE_TYPES

from .modbus_server import Server, modbus_server
from .sites import device, site, tcp, write_profile, write_site


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_machine_that_tells_nothing_is_not_made_up(tmp_path: Path) -> None:
    told = machine(tmp_path / "away", tmp_path)
    assert {getattr(told, name) for name in type(told).__slots__} == {None}


@pytest.mark.parametrize(
    ("bits", "now", "seen"), [("0\n", False, False), ("50005\n", True, True), ("50000\n", False, True)]
)
def test_under_voltage_of_the_firmware(tmp_path: Path, bits: str, now: bool, seen: bool) -> None:
    put(tmp_path, "sys/devices/platform/soc/soc:firmware/get_throttled", bits)
    told = machine(tmp_path, tmp_path)
    assert (told.under_voltage, told.under_voltage_seen) == (now, seen)


@pytest.mark.parametrize(("alarm", "expected"), [("0\n", False), ("1\n", True)])
def test_under_voltage_of_the_kernels_driver(tmp_path: Path, alarm: str, expected: bool) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    assert machine(tmp_path, tmp_path).under_voltage is expected


def test_temperature_memory_and_disk(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/thermal/thermal_zone0/type", "acpitz\n")
    put(tmp_path, "sys/class/thermal/thermal_zone0/temp", "27800\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "61322\n")
    put(tmp_path, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 512 kB\n")
    told = machine(tmp_path, tmp_path)
    assert told.cpu_temperature_c == 61.322
    assert told.memory_available_bytes == 512 * 1024
    assert told.disk_free_bytes
    assert machine(tmp_path).memory_bytes


def fetch(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", ""


async def serve(folder: Path, port: int, check) -> None:
    """Run a gateway with an instrument that answers and one that is silent, and check it after a few readings."""
    write_profile(folder, ("n", 0, "uint16", "holding"))
    async with modbus_server() as server:
        server.unit(1).holding = {0: 7}
        server.unit(2).silent = True
        path = write_site(
            folder, device("good", tcp(server.port)), device("dead", tcp(server.port, unit=2, timeout="100 ms"))
        )
        path.write_text(
            path.read_text().replace("[gateway]\n", f'[gateway]\nhealth = {{ listen = "127.0.0.1:{port}" }}\n')
        )
        agent, stop = Agent(load_site(path), folder / "data"), asyncio.Event()
        running = asyncio.create_task(agent.run(stop))
        try:
            await _read_a_few(server)
            await asyncio.to_thread(check)
        finally:
            stop.set()
            await running


async def _read_a_few(server: Server) -> None:
    async with asyncio.timeout(30):
        while len(server.unit(1).asked) < 5 or not server.unit(2).asked:
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)


def test_page_and_socket_of_a_running_gateway(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "data" / "essai.pi-1"

    def check() -> None:
        status, kind, text = fetch(f"http://127.0.0.1:{port}/metrics")
        assert (status, kind.split(";")[0]) == (200, "text/plain")
        found = {
            (one.name, one.labels.get("device", "")): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }
        assert found["vitrine_gateway_device_answers_total", "good"] >= 4
        assert found["vitrine_gateway_device_up", "good"] == 1
        assert found["vitrine_gateway_device_up", "dead"] == 0
        assert found["vitrine_gateway_device_timeouts_total", "dead"] >= 1
        assert found["vitrine_gateway_device_success_ratio", "good"] == 1
        assert found["vitrine_gateway_uplink_connected", ""] == 0
        assert found["vitrine_gateway_queue_records", ""] > 0
        assert ("vitrine_gateway_uplink_last_ack_age_seconds", "") not in found, "not known, so left out"
        document = ask(folder)
        assert [one["key"] for one in document["devices"]] == ["good", "dead"]
        assert "no answer" in document["devices"][1]["failure"]
        assert document["uplink"]["reason"]
        assert document["queue"]["oldest_age_s"] is not None
        assert json.loads(fetch(f"http://127.0.0.1:{port}/health.json")[2])["node"] == "pi-1"
        assert fetch(f"http://127.0.0.1:{port}/else")[0] == 404

    asyncio.run(serve(tmp_path, port, check))
    with pytest.raises(VitrineError, match="no gateway answers"):
        ask(folder)


def test_port_that_is_taken_stops_no_gateway_and_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = taken.sockets[0].getsockname()[1]
        found: list[dict] = []
        await serve(tmp_path, port, lambda: found.append(ask(tmp_path / "data" / "essai.pi-1")))
        assert found
        taken.close()

    asyncio.run(run())


def test_metrics_of_the_node_are_all_declared(tmp_path: Path) -> None:
    write_profile(tmp_path, ("n", 0, "uint16", "holding"))
    one, clock = site(tmp_path, device("good", tcp(1))), Clock()
    queue = Queue(tmp_path / "queue", max_bytes=10_000_000, boot=clock.boot.hex())
    vitals = Vitals(one, Instruments(one, lambda _: None), queue, clock, tmp_path)
    metrics = vitals.metrics()
    assert set(metrics) <= set(NODE_TYPES)
    again = vitals.metrics()
    assert {name for name in metrics if metrics[name] != again[name]} <= {uplink.CLOCK_OFFSET}
    queue.close()


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1:0", "127.0.0.1:70000", "a b:1"])
def test_address_that_is_none_is_noted(tmp_path: Path, listen: str) -> None:
    write_profile(tmp_path, ("n", 0, "uint16", "holding"))
    path = write_site(tmp_path, device("good", tcp(1)))
    path.write_text(path.read_text().replace("[gateway]\n", f'[gateway]\nhealth = {{ listen = "{listen}" }}\n'))
    with pytest.raises(InstallationError) as caught:
        load(path)
    assert [one.code for one in caught.value.problems] == ["not-a-server"]


def test_health_of_each_device_is_told_in_few_words_once_a_minute() -> None:
    now = 100.0
    words = DeviceWords(clock=lambda: now)

    def told(requests: int, answers: int, latency_s: float, breaker: str, missed: int) -> dict[str, object]:
        one = DeviceHealth(
            key="meter",
            failure="",
            missed_slots=missed,
            requests=requests,
            answers=answers,
            latency_s=latency_s,
            breaker=breaker,
        )
        silent = DeviceHealth(key="sensor", failure="", missed_slots=0)
        found: dict[str, dict[str, object]] = json.loads(words.text(lambda: [one, silent]))
        assert found["sensor"] == {}
        return found["meter"]

    first = {"success": 1.0, "latency_ms": 10.0, "breaker": "closed"}
    assert told(60, 60, 0.0123, "closed", 0) == first
    now += 59
    assert told(110, 60, 0.5, "open", 9) == first
    now += 1
    assert told(120, 90, 0.0249, "half-open", 3) == {
        "success": 0.5,
        "latency_ms": 20.0,
        "breaker": "half-open",
        "missed_slots": 3,
    }
