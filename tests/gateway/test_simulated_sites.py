"""Every profile, generated, served on its wires, and read by the gateway's own instruments; values are compared."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.broker import Rumqttd
from tests.servers.process import free_ports
from vitrine.errors import ConfigurationError, VitrineError
from vitrine.installation import Installation
from vitrine.sparkplug import Message
from vitrine.uplink import BDSEQ, REBIRTH, UNIT
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.profiles import load, names
from vitrine_gateway.profiles.sunspec import points_of
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import Site, load_site
from vitrine_simulators.binding import plant_of
from vitrine_simulators.commands import simulate
from vitrine_simulators.edge_node import edge_node
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_slaves import Refusal
from vitrine_simulators.plant_time import PlantTime
from vitrine_simulators.plants import Live
from vitrine_simulators.profile_site import Place, installation_text
from vitrine_simulators.registers import step
from vitrine_simulators.simulation import Simulation
from vitrine_simulators.sources import PlantChoice, plant_for

from .host import Host, until
from .test_sparkplug_sensor import PROFILE as SPARKPLUG

pytestmark = pytest.mark.anyio

VITRINE = str(Path(sys.executable).with_name("vitrine"))

#: An afternoon in the plant, in which time stands still, so that what is read can be compared with what was there.
NOON = 1_790_000_000.0


def still() -> float:
    return NOON


@asynccontextmanager
async def served(installation: Installation, seed: int = 1) -> AsyncIterator[dict[str, float]]:
    """Serve an installation's instruments, and yield what their sensors see, in the units of the profiles."""
    plant = plant_for(installation, PlantChoice.PROFILE, seed)
    simulation = Simulation(still)
    simulation.add(installation, plant)
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(simulation.run(stop, ready))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
        yield {path: plant.read(path, NOON) for path in plant.signals}
    finally:
        stop.set()
        await task


async def read_all(site: Site) -> dict[str, float | None]:
    found: dict[str, float | None] = {}

    def take(sample: Sample) -> None:
        found.update({f"{sample.device}/{one.channel}": one.value for one in sample.readings})

    instruments = Instruments(site, take)
    await instruments.once()
    assert not instruments.failing()
    return found


def check(site: Site, found: dict[str, float | None], truth: dict[str, float]) -> None:
    assert found.keys() == truth.keys()
    for device in site.devices:
        for channel in device.channels:
            path = f"{device.key}/{channel.key}"
            value = found[path]
            assert value is not None, path
            source = channel.source
            digit = step(source) if device.profile.protocol == "modbus" else 10.0**-source.decimals
            half = 0.0 if source.type.startswith("float") and device.profile.protocol == "modbus" else abs(digit) / 2
            wanted = truth[path] * channel.scale + channel.shift
            assert value == pytest.approx(wanted, rel=1e-6, abs=half * abs(channel.scale) * 1.001), path


def site_of(folder: Path, broker: int, *profiles: str, **place: object) -> Site:
    """Write a file with a device for each profile, as ``vitrine simulate profile`` writes them one by one."""
    text = ""
    for number, (name, port) in enumerate(zip(profiles, free_ports(len(profiles)), strict=True)):
        where = Place(port=port, broker_port=broker, link=folder / f"tty{number}", **place)  # type: ignore[arg-type]  # by name
        one = installation_text(name, where)
        device = one[one.index("[[device]]") :].replace('key = "simulated"', f'key = "d{number}"', 1)
        device = device.replace("simulated-", f"simulated{number}-").replace("simulated/", f"simulated{number}/")
        device = device.replace("unit = 1 }", 'unit = 1, timeout = "20 s" }')  # on a machine that is busy with all else
        text = (text or one[: one.index("[[device]]")]) + device
    path = folder / "site.toml"
    path.write_text(text)
    return load_site(path)


async def test_every_profile_is_read_back(tmp_path: Path, broker: Rumqttd) -> None:
    site = site_of(tmp_path, broker.port, *names())
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)


@pytest.mark.parametrize("transport", ["udp", "rtu-tcp", "ascii-tcp", "pty", "ascii-pty"])
async def test_every_wire_carries_the_values(tmp_path: Path, transport: str) -> None:
    profiles = ("eastron-sdm630", "siemens-mag6000", "sunspec-inverter")
    site = site_of(tmp_path, 1, *profiles, transport=transport, baudrate=115_200)
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)
    assert not list(tmp_path.glob("tty*")), "the links are taken away"


async def test_two_instruments_share_one_serial_line(tmp_path: Path) -> None:
    text = installation_text("eastron-sdm120", Place(transport="pty", link=tmp_path / "tty", baudrate=115_200))
    device = text[text.index("[[device]]") :]
    second = device.replace("unit = 1", "unit = 2").replace('"simulated"', '"second"')
    (tmp_path / "site.toml").write_text(text + second)
    site = load_site(tmp_path / "site.toml")
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)
    assert len(truth) == 2 * len(site.devices[0].channels)


@pytest.mark.parametrize("keys", ['parity = "E"', 'parity = "O", stop_bits = 2'])
async def test_a_parity_is_no_obstacle_on_a_pseudo_terminal(tmp_path: Path, keys: str) -> None:
    text = installation_text("eastron-sdm120", Place(transport="pty", link=tmp_path / "tty", baudrate=115_200))
    (tmp_path / "site.toml").write_text(text.replace("unit = 1", f"unit = 1, {keys}"))
    site = load_site(tmp_path / "site.toml")
    async with served(site.installation) as truth:
        for _ in range(2):
            check(site, await read_all(site), truth)


async def test_a_serial_line_takes_its_time(tmp_path: Path) -> None:
    """At 2400 Bd the 8 bytes of a request and the 5 + 2n of its answer cannot come sooner than ten bits each take."""
    site = site_of(tmp_path, 1, "eastron-sdm72", transport="pty", baudrate=2400)
    async with served(site.installation):
        begun = asyncio.get_running_loop().time()
        await read_all(site)
        took = asyncio.get_running_loop().time() - begun
    registers = sum(channel.source.width for channel in site.devices[0].channels)
    assert took >= (8 + 5 + 2 * registers) * 10 / 2400


async def test_a_link_of_a_simulation_that_was_killed_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "tty0").symlink_to("/dev/pts/no-such-terminal")
    site = site_of(tmp_path, 1, "eastron-sdm120", transport="pty")
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)


async def test_a_serial_port_that_is_there_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "tty0").write_text("somebody's")
    site = site_of(tmp_path, 1, "eastron-sdm120", transport="pty")
    with pytest.raises(ConfigurationError, match="tty0 cannot be simulated"):
        async with served(site.installation):
            pass
    assert (tmp_path / "tty0").read_text() == "somebody's"


async def test_sparkplug_devices_of_another_maker_are_read(tmp_path: Path, broker: Rumqttd) -> None:
    (tmp_path / "own.toml").write_text(SPARKPLUG)
    text = installation_text(str(tmp_path / "own.toml"), Place(broker_port=broker.port))
    (tmp_path / "site.toml").write_text(text.replace("names = {", "rebirth = true, names = {"))
    site = load_site(tmp_path / "site.toml")
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)


async def test_a_zigbee_bridge_lists_what_its_devices_expose(tmp_path: Path, broker: Rumqttd) -> None:
    site = site_of(tmp_path, broker.port, "zigbee2mqtt")
    heard: asyncio.Queue[paho.MQTTMessage] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda *message: loop.call_soon_threadsafe(heard.put_nowait, message[2])
    client.on_connect = lambda *_: client.subscribe("zigbee2mqtt/#")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    said: dict[str, list[object]] = {}

    async def until(topic: str, state: str) -> None:
        while {"state": state} not in said.get(topic, []):
            message = await asyncio.wait_for(heard.get(), 20)
            said.setdefault(message.topic, []).append(json.loads(message.payload))

    try:
        async with served(site.installation):
            await until("zigbee2mqtt/bridge/state", "online")
            await until("zigbee2mqtt/simulated0-sensor/availability", "online")
        await until("zigbee2mqtt/bridge/state", "offline")
    finally:
        client.disconnect()
        client.loop_stop()
    listed = said["zigbee2mqtt/bridge/devices"][0]
    assert isinstance(listed, list)
    exposed = {one["property"]: one for one in listed[0]["definition"]["exposes"]}
    assert exposed["temperature"]["unit"] == "°C"
    assert exposed["water_leak"]["type"] == "binary"
    assert listed[0]["friendly_name"] == "simulated0-sensor"


async def test_what_cannot_be_simulated_is_told_all_at_once(tmp_path: Path) -> None:
    text = installation_text("eastron-sdm120", Place())
    device = text[text.index("[[device]]") :]
    twice = device.replace('"simulated"', '"second"')
    secure = device.replace('"simulated"', '"third"').replace('"tcp"', '"tls"').replace("5020", "802")
    (tmp_path / "site.toml").write_text(text + twice + secure)
    installation = load_site(tmp_path / "site.toml").installation
    with pytest.raises(ConfigurationError) as refused:
        Simulation().add(installation, plant_for(installation, PlantChoice.PROFILE, 1))
    assert [problem.key for problem in refused.value.problems] == [
        "second.connection.unit",
        "third.connection.transport",
    ]


def test_a_faster_plant_stays_in_step_with_the_clock() -> None:
    instants = iter([100.0, 101.0, 110.0])
    plant = PlantTime(60.0, NOON, clock=lambda: next(instants))
    assert [plant.now(), plant.now()] == [NOON + 60.0, NOON + 600.0]


async def test_an_installation_speaks_for_itself_as_another_makers_edge_node(tmp_path: Path, broker: Rumqttd) -> None:
    text = installation_text("eastron-sdm120", Place()).replace("port = 1883", f"port = {broker.port}")
    (tmp_path / "site.toml").write_text(text)
    installation = load_site(tmp_path / "site.toml").installation
    plant = plant_for(installation, PlantChoice.PROFILE, 1)
    host, stop = await asyncio.to_thread(Host, broker.port), asyncio.Event()
    task = asyncio.create_task(edge_node(installation, plant, still).run_until(stop))
    try:
        await asyncio.to_thread(until, lambda: len(host.of(Message.DDATA)) > 1)
        host.rebirth("simulated", "simulated")
        await asyncio.to_thread(until, lambda: len(host.of(Message.NBIRTH)) > 1)
        stop.set()
        await task
        await asyncio.to_thread(until, lambda: host.of(Message.NDEATH))
    finally:
        stop.set()
        await task
        host.close()
    births = host.of(Message.NBIRTH)
    assert all({one.name for one in payload.metrics} == {BDSEQ, REBIRTH} for _, payload in births)
    assert [payload.seq for _, payload in births] == [0] * len(births)
    born = {metric.name: metric for metric in host.of(Message.DBIRTH)[0][1].metrics}
    assert born["voltage"].properties[UNIT].value == "V"
    _, data = host.of(Message.DDATA)[0]
    assert {host.name(one): one.value for one in data.metrics} == {
        key: plant.read(f"simulated/{key}", NOON) for key in born
    }
    assert not host.records
    assert host.value(host.of(Message.NDEATH)[-1][1], BDSEQ) == host.value(births[-1][1], BDSEQ)


def test_a_stranger_simulates_a_profile_and_reads_it(tmp_path: Path) -> None:
    port, file = free_ports(1)[0], tmp_path / "site.toml"
    options = ["--port", str(port), "--output", str(file), "--no-value", "frequency"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([VITRINE, "simulate", "profile", "eastron-sdm120", *options], stdout=log, stderr=log)
    try:
        until(lambda: "instruments ready" in (tmp_path / "log").read_text(), 30)
        read = subprocess.run([VITRINE, "gateway", "read", file, "--once"], capture_output=True, text=True, timeout=60)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert read.returncode == 0, read.stderr
    voltage = next(line for line in read.stdout.splitlines() if "oltage" in line or "ension" in line)
    assert re.search(r"2[23]\d[.,]\d", voltage), read.stdout
    with pytest.raises(VitrineError, match="is there already"):
        simulate(args=["profile", "eastron-sdm120", *options], standalone_mode=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["profile", "eastron-sdm12"], "did you mean eastron-sdm120"),
        (["profile", "eastron-sdm120", "--begin", "yesterday"], "no instant with its zone"),
        (["profile", "eastron-sdm120", "--begin", "2026-01-15T06:00:00"], "no instant with its zone"),
        (["profile", "keller", "--broker", "nowhere"], "no address"),
        (["profile", "siemens-mag6000", "--no-value", "flow", "--no-value", "nothing"], "no channel “nothing”"),
        (["no-such-file.toml"], "cannot be read"),
        (["no-such-file.toml", "--truth", "truth.jsonl"], "cannot be read"),
    ],
)
def test_a_mistake_on_the_command_line_is_told_in_words(arguments: list[str], told: str) -> None:
    with pytest.raises(VitrineError) as refused:
        simulate(args=arguments, standalone_mode=False)
    error = refused.value
    assert told in " ".join([error.message, error.hint, *map(str, error.problems)])


async def test_two_hundred_instruments_live_in_one_process(tmp_path: Path) -> None:
    site = site_of(tmp_path, 1, *["keller", "siemens-mag6000", "eastron-sdm120", "xy-md02"] * 50)
    async with served(site.installation) as truth:
        check(site, await read_all(site), truth)
    assert len(site.devices) == 200


async def test_what_a_model_does_not_know_is_generated_beside_it(tmp_path: Path) -> None:
    pilot = (Path(__file__).parents[2] / "examples" / "ultrafiltration.toml").read_text()
    more = installation_text("eastron-sdm120", Place(port=15_099))
    (tmp_path / "pilot.toml").write_text(pilot + more[more.index("[[device]]") :])
    installation = load_site(tmp_path / "pilot.toml").installation
    plant, model = plant_for(installation, PlantChoice.MODEL, 1), Live(plant_of(installation, 1))
    assert {path.partition("/")[0] for path in plant.generated} == {"simulated"}
    assert plant.read("feed-flow/flow", NOON) == model.read("feed-flow/flow", NOON)
    assert 225 <= plant.read("simulated/voltage", NOON) <= 235
    array = plant.values(np.array([NOON]))
    assert {path: values[0] for path, values in array.items()} == {
        path: plant.read(path, NOON) for path in plant.signals
    }


async def test_a_sunspec_device_says_who_it_is_what_it_lacks_and_where_it_ends() -> None:
    profile = load("sunspec-inverter", Path())
    assert profile.sunspec
    device = ModbusDevice(profile, frozenset({"power"}), lambda key, now: 1500.0)
    words = device.registers(3, 40_000, 70)
    assert words[:4] == [0x5375, 0x6E53, 1, 66]
    assert b"".join(word.to_bytes(2, "big") for word in words[4:20]).rstrip(b"\0") == b"Vitrine"
    usual = profile.sunspec.usual
    assert device.registers(3, usual.first, 2) == [usual.number, usual.length]
    assert device.registers(3, usual.first + 2 + usual.length, 2) == [0xFFFF, 0]
    points = points_of(usual.number)
    read = {channel.point for channel in profile.channels}
    lacking = next(one for name, one in points.items() if one.kind == "uint16" and one.at >= 2 and name not in read)
    assert device.registers(3, usual.first + lacking.at, 1) == [0xFFFF]
    with pytest.raises(Refusal):
        device.registers(3, usual.first + 2 + usual.length, 3)
