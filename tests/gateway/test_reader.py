"""Reading over real sockets and a pseudo-terminal: whatever fails, values land on their own channel, or are null."""

import asyncio
import struct
from pathlib import Path

import pytest

from vitrine.quality import Test
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import Site

from .modbus_server import Server, Unit, modbus_server, serial_line
from .sites import device, site, tcp, write_profile

pytestmark = pytest.mark.anyio

THREE = (("a", 0, "uint16", "holding"), ("b", 1, "uint16", "holding"), ("c", 12, "uint16", "holding"))
NO_ANSWER = int(Test.NO_ANSWER)


def readers(site_: Site) -> list[Reader]:
    line = Line(site_.devices[0].device.connection)
    return [Reader(one, line) for one in site_.devices]


def values(sample: Sample) -> dict[str, tuple[float | None, int]]:
    return {reading.channel: (reading.value, reading.tests) for reading in sample.readings}


def one_reader(folder: Path, server: Server, **profile: bool) -> Reader:
    write_profile(folder, *THREE, **profile)
    return readers(site(folder, device("d", tcp(server.port))))[0]


async def test_values_and_time(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {at: 100 + at for at in range(20)}
        reader = one_reader(tmp_path, server)
        before = asyncio.get_running_loop().time()
        sample = await reader.read()
        after = asyncio.get_running_loop().time()
    assert values(sample) == {"a": (100, 0), "b": (101, 0), "c": (112, 0)}
    assert all(before < reading.at < after for reading in sample.readings)
    assert server.unit(1).asked == [(3, 0, 13)]


async def test_instant_is_the_middle_of_the_request(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = dict.fromkeys(range(20), 7)
        server.think_s = 0.4
        write_profile(tmp_path, *THREE)
        (reader,) = readers(site(tmp_path, device("d", tcp(server.port, timeout="5 s"))))
        await reader.read()  # the connection is opened before, which is no part of a request
        before = asyncio.get_running_loop().time()
        sample = await reader.read()
        after = asyncio.get_running_loop().time()
    assert len(sample.readings) == 3
    for reading in sample.readings:
        assert (reading.at - before) / (after - before) == pytest.approx(0.5, abs=0.25)


async def test_hole_that_cannot_be_read_is_found_and_no_longer_bridged(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 100, 1: 101, 12: 112}
        reader = one_reader(tmp_path, server)
        assert values(await reader.read()) == dict.fromkeys("abc", (None, NO_ANSWER))
        assert values(await reader.read()) == {"a": (100, 0), "b": (101, 0), "c": (112, 0)}
        assert server.unit(1).asked == [(3, 0, 13), (3, 0, 2), (3, 12, 1)]
        assert reader.failure == ""


async def test_register_that_is_refused_takes_no_other_with_it(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 100, 12: 112}
        reader = one_reader(tmp_path, server)
        for _ in range(3):
            sample = await reader.read()
        assert values(await reader.read()) == {"a": (100, 0), "b": (None, NO_ANSWER), "c": (112, 0)}
        assert "b: the instrument refuses: illegal data address" in reader.failure
        asked = len(server.unit(1).asked)
        sample = await reader.read()
        assert (3, 1, 1) not in server.unit(1).asked[asked:]
    assert {reading.channel for reading in sample.readings} == set("abc")


async def test_answer_of_another_length_is_refused(tmp_path: Path) -> None:
    async with modbus_server() as server:
        unit = server.unit(1)
        unit.holding = dict.fromkeys(range(20), 7)
        unit.spoil = lambda answer: struct.pack(">BBH", answer[0], 2, 7)
        reader = one_reader(tmp_path, server)
        assert values(await reader.read()) == dict.fromkeys("abc", (None, NO_ANSWER))
        assert "another request's" in reader.failure
        unit.spoil = bytes
        assert values(await reader.read()) == dict.fromkeys("abc", (7, 0))


async def test_answer_of_another_function_is_refused(tmp_path: Path) -> None:
    async with modbus_server() as server:
        unit = server.unit(1)
        unit.holding = dict.fromkeys(range(20), 7)
        unit.spoil = lambda answer: bytes([4]) + answer[1:]
        reader = one_reader(tmp_path, server)
        assert values(await reader.read()) == dict.fromkeys("abc", (None, NO_ANSWER))


async def test_cable_pulled_out_and_put_back(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = dict.fromkeys(range(20), 7)
        reader = one_reader(tmp_path, server)
        await reader.read()
        server.cut()
        await asyncio.sleep(0.05)
        assert values(await reader.read()) == dict.fromkeys("abc", (7, 0))
        assert server.connections == 2
        port = server.port
    await asyncio.sleep(0.05)
    sample = await reader.read()
    assert not sample.answered
    assert f"127.0.0.1:{port}" in reader.failure
    async with modbus_server(port) as server:
        server.unit(1).holding = dict.fromkeys(range(20), 8)
        for _ in range(100):
            if (sample := await reader.read()).answered:
                break
            await asyncio.sleep(0.05)
        assert values(sample) == dict.fromkeys("abc", (8, 0))


async def test_other_instrument_than_the_profile_gives_no_value(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {**dict.fromkeys(range(20), 7), 11: 335}
        reader = one_reader(tmp_path, server, identity=True)
        assert values(await reader.read()) == dict.fromkeys("abc", (None, int(Test.SENSOR_STATUS)))
        assert reader.failure == "not a Maker M1: register 11 holds 335 instead of 341"


async def test_identity_is_read_alone(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {**dict.fromkeys(range(20), 7), 11: 341}
        reader = one_reader(tmp_path, server, identity=True)
        assert values(await reader.read()) == dict.fromkeys("abc", (7, 0))
        assert server.unit(1).asked[0] == (3, 11, 1)
        await reader.read()
        assert server.unit(1).asked[1:] == [(3, 0, 13), (3, 0, 13)]


async def test_dead_device_does_not_hold_up_the_others_of_its_line(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).silent = True
        server.unit(2).holding = dict.fromkeys(range(20), 7)
        write_profile(tmp_path, *THREE)
        found: dict[str, list[Sample]] = {"dead": [], "alive": []}
        instruments = Instruments(
            site(
                tmp_path,
                device("dead", tcp(server.port, 1, "100 ms")),
                device("alive", tcp(server.port, 2)),
            ),
            lambda sample: found[sample.device].append(sample),
        )
        task = asyncio.create_task(instruments.run())
        while len(found["alive"]) < 20:
            await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert all(sample.answered for sample in found["alive"])
    assert not any(sample.answered for sample in found["dead"])
    assert len(server.unit(1).asked) < 8
    assert instruments.failing()["dead"] == "no answer within 0.1 s"


async def test_serial_line_with_a_dead_and_a_lying_slave(tmp_path: Path) -> None:
    lying = Unit(holding=dict.fromkeys(range(20), 9), spoil=lambda answer: answer[:1] + b"\x02\x00\x09")
    units = {1: Unit(holding=dict.fromkeys(range(20), 7)), 2: Unit(silent=True), 3: lying}
    write_profile(tmp_path, *THREE)
    with serial_line(units) as port:
        connection = '{{ transport = "rtu", port = "{}", baudrate = 19200, unit = {}, timeout = "150 ms" }}'
        good, dead, liar = readers(
            site(tmp_path, *(device(f"d{unit}", connection.format(port, unit)) for unit in (1, 2, 3)))
        )
        for _ in range(2):
            assert values(await good.read()) == dict.fromkeys("abc", (7, 0))
            assert not (await dead.read()).answered
            assert not (await liar.read()).answered
        good._line.close()


async def test_unit_of_the_site_and_conversion(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 36, 1: 0, 12: 0}
        write_profile(tmp_path, ("a", 0, "uint16", "holding"))
        channel = '[[device.channel]]\nkey = "a"\nunit = "L/min"'
        (reader,) = readers(site(tmp_path, device("d", tcp(server.port), more=channel)))
        assert values(await reader.read())["a"][0] == pytest.approx(600)
