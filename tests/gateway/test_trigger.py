"""Instruments that measure when they are told to: one declared write, allowed by the installation, and no other."""

import time
from pathlib import Path

import pytest

from vitrine.errors import InstallationError
from vitrine.quality import Test
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.load import loads
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.reading import Sample

from .modbus_server import Server, Unit, modbus_server, serial_line
from .sites import device, site, tcp, write_profile

pytestmark = pytest.mark.anyio

TRIGGER = """
[trigger]
address = 1
words = [15]
wait = "200 ms"
meaning = { fr = "mesure", en = "measure" }
"""


def declare(folder: Path, trigger: str = TRIGGER) -> None:
    write_profile(folder, ("a", 83, "uint16", "holding"))
    path = folder / "own.toml"
    path.write_text(path.read_text().replace("[[channel]]", trigger + "[[channel]]", 1))


async def read(folder: Path, server: Server, trigger: str = TRIGGER) -> tuple[Sample, str, float]:
    declare(folder, trigger)
    one = site(folder, device("d", tcp(server.port), more="trigger = true")).devices[0]
    line = Line(one.device.connection)
    try:
        reader = Reader(one, line)
        before = time.monotonic()
        return await reader.read(), reader.failure, before
    finally:
        line.close()


async def test_instrument_is_told_to_measure_and_read_when_it_has(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding, server.unit(1).writable = {83: 7}, True
        sample, failure, before = await read(tmp_path, server)
        assert server.unit(1).asked == [(16, 1, 1), (3, 83, 1)]
    assert [(reading.value, reading.tests) for reading in sample.readings] == [(7, 0)]
    assert sample.readings[0].at - before >= 0.2
    assert failure == ""


STARTED = TRIGGER.replace("words = [15]", "read = true")


async def test_instrument_is_started_by_a_read_of_no_register(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {83: 7}
        sample, failure, _ = await read(tmp_path, server, STARTED)
        assert server.unit(1).asked == [(3, 1, 0), (3, 83, 1)]
    assert [(reading.value, reading.tests) for reading in sample.readings] == [(7, 0)]
    assert failure == ""


async def test_instrument_on_a_serial_line_is_started_by_a_read_of_no_register(tmp_path: Path) -> None:
    declare(tmp_path, STARTED)
    unit = Unit(holding={83: 7})
    with serial_line({1: unit}) as port:
        connection = f'{{ transport = "rtu", port = "{port}", baudrate = 115200, unit = 1, timeout = "500 ms" }}'
        one = site(tmp_path, device("d", connection, more="trigger = true")).devices[0]
        line = Line(one.device.connection)
        try:
            sample = await Reader(one, line).read()
        finally:
            line.close()
    assert unit.asked == [(3, 1, 0), (3, 83, 1)]
    assert [reading.value for reading in sample.readings] == [7]


async def test_old_value_is_not_taken_for_a_new_one_when_the_write_is_refused(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {83: 7}
        sample, failure, _ = await read(tmp_path, server)
        assert server.unit(1).asked == [(16, 1, 1)]
    assert [(reading.value, reading.tests) for reading in sample.readings] == [(None, int(Test.NO_ANSWER))]
    assert failure == "the measurement cannot be triggered: the instrument refuses: illegal data address"


def test_write_that_the_installation_does_not_allow_is_a_mistake(tmp_path: Path) -> None:
    declare(tmp_path)
    with pytest.raises(InstallationError) as caught:
        site(tmp_path, device("d", tcp(1)))
    problem = caught.value.problems[0]
    assert (problem.code, problem.key) == ("missing-key", "device[1].trigger")
    assert "trigger = true" in problem.allowed


def test_consent_to_a_write_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    write_profile(tmp_path, ("a", 83, "uint16", "holding"))
    with pytest.raises(InstallationError) as caught:
        site(tmp_path, device("d", tcp(1), more="trigger = true"))
    assert [problem.code for problem in caught.value.problems] == ["not-allowed"]


@pytest.mark.parametrize(("connection", "asked", "answered"), [
    (tcp(1), 15, 12),
    ('{ transport = "rtu", port = "/dev/ttyUSB0", baudrate = 9600, unit = 1 }', 11, 8),
])  # fmt: skip
def test_plan_shows_the_write(connection: str, asked: int, answered: int, tmp_path: Path) -> None:
    declare(tmp_path)
    write = loads(site(tmp_path, device("d", connection, more="trigger = true")))[0].devices[0].requests[0]
    assert (write.table, write.first, write.registers) == ("write", 1, 1)
    assert (write.asked, write.answered) == (asked, answered)


def test_plan_shows_the_start(tmp_path: Path) -> None:
    declare(tmp_path, STARTED)
    start = loads(site(tmp_path, device("d", tcp(1), more="trigger = true")))[0].devices[0].requests[0]
    assert (start.table, start.first, start.registers) == ("start", 1, 0)
    assert (start.asked, start.answered) == (12, 9)
