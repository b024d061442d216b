"""SunSpec devices over a real socket: the model is found wherever it lies, and what is not there is named."""

from pathlib import Path

import pytest

from vitrine.errors import InstallationError
from vitrine.installation import Connection
from vitrine.quality import Test
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.modbus.sunspec import discover
from vitrine_gateway.profiles import load
from vitrine_gateway.profiles.sunspec import BASES, MARK, Placed, channel_at, points_of
from vitrine_gateway.scan import scan_line

from . import sites
from .modbus_server import Server, modbus_server
from .sites import device, site, tcp

pytestmark = pytest.mark.anyio

NAMEPLATE = (120, 26)


def memory(base: int, *models: tuple[int, int], end: bool = True) -> dict[int, int]:
    """Return the registers of a device with these models (number, length) after a common model of 65 registers."""
    found = {base: MARK[0], base + 1: MARK[1]}
    at = base + 2
    for number, length in ((1, 65), *models):
        found |= {at: number, at + 1: length} | dict.fromkeys(range(at + 2, at + 2 + length), 0)
        at += 2 + length
    return found | ({at: 0xFFFF, at + 1: 0} if end else {})


def put(registers: dict[int, int], first: int, number: int, **points: int) -> None:
    registers.update({first + points_of(number)[name].at: value & 0xFFFF for name, value in points.items()})


def reader_of(folder: Path, server: Server, more: str = "", profile: str = "sunspec-inverter") -> Reader:
    one = site(folder, device("pv", tcp(server.port), profile=profile, more=more)).devices[0]
    return Reader(one, Line(one.device.connection))


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("end", [True, False])
async def test_models_are_found(base: int, end: bool) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = memory(base, NAMEPLATE, (103, 50), end=end)
        line = Line(Connection(transport="tcp", host="127.0.0.1", port=server.port))
        found = await discover(line, 1, 0.3)
        line.close()
    assert found == [Placed(1, base + 2, 65), Placed(120, base + 69, 26), Placed(103, base + 97, 50)]


async def test_value_is_read_where_the_device_keeps_its_model(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = memory(0, NAMEPLATE, (103, 50))
        put(server.unit(1).holding, 97, 103, W=-1234, W_SF=-1, Hz=5001, Hz_SF=-2)
        sample = await reader_of(tmp_path, server, WANTED).read()
    assert {one.channel: (one.value, one.tests) for one in sample.readings} == {
        "power": (-123.4, 0),
        "frequency": (50.01, 0),
    }


WANTED = """
[[device.channel]]
key = "power"
[[device.channel]]
key = "frequency"
"""


async def test_float_model_is_read_where_there_is_no_other(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = memory(40000, (113, 60))
        first = 40000 + 69 + points_of(113)["W"].at
        server.unit(1).holding |= {first: 0x447A, first + 1: 0x2000}
        sample = await reader_of(tmp_path, server, WANTED).read()
    assert {one.channel: one.value for one in sample.readings} == {"power": 1000.5, "frequency": 0.0}


async def test_point_that_the_model_does_not_have_is_named(tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = memory(40000, (203, 20))
        reader = reader_of(tmp_path, server, profile="sunspec-meter")
        sample = await reader.read()
    found = {one.channel: (one.value, one.tests) for one in sample.readings}
    assert set(found) == {channel.key for channel in load("sunspec-meter", tmp_path).channels}
    assert found["energy-import"] == (None, int(Test.NO_ANSWER))
    assert found["current-l1"] == (0.0, 0)
    assert "energy-import: SunSpec model 203 has no point TotWhImp" in reader.failure


@pytest.mark.parametrize(
    ("registers", "reason"),
    [
        (memory(40000, (203, 105)), "SunSpec models 1, 203, but none of 103 or 102"),
        ({0: 1, 1: 2}, "not a SunSpec device: no mark “SunS” at register 40000, 0 or 50000"),
    ],
)
async def test_another_device_gives_no_value(registers: dict[int, int], reason: str, tmp_path: Path) -> None:
    async with modbus_server() as server:
        server.unit(1).holding = registers
        reader = reader_of(tmp_path, server, WANTED)
        sample = await reader.read()
    assert {(one.value, one.tests) for one in sample.readings} == {(None, int(Test.SENSOR_STATUS))}
    assert reader.failure.startswith(reason)


async def test_model_that_moves_is_found_again(tmp_path: Path) -> None:
    async with modbus_server() as server:
        unit = server.unit(1)
        unit.holding = memory(40000, (103, 50))
        reader = reader_of(tmp_path, server, WANTED)
        await reader.read()
        unit.silent = True
        await reader.read()
        unit.silent, unit.holding = False, memory(40000, NAMEPLATE, (103, 50))
        put(unit.holding, 40097, 103, W=42)
        sample = await reader.read()
    assert {one.channel: one.value for one in sample.readings}["power"] == 42.0


async def test_scan_names_what_it_finds() -> None:
    async with modbus_server() as server:
        server.unit(3).holding = memory(40000, (101, 50), (203, 105))
        connection = Connection(transport="tcp", host="127.0.0.1", port=server.port, timeout_s=0.3)
        server.unit(3).holding[0] = 0
        found = [one async for _, one in scan_line(connection, [3]) if one]
    assert found[0].profiles == ("sunspec-inverter", "sunspec-meter")
    assert found[0].told == "SunSpec 1, 101, 203"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("[103]", "[99]", "[99] are no models of SunSpec"),
        ("[103]", '["a"]', "are no models of SunSpec"),
        ('point = "W"', 'point = "WW"', "has a number “WW”"),
        ('point = "W"', 'point = "W"\naddress = 3', "address"),
    ],
)
def test_mistake_in_a_profile(good: str, bad: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(PROFILE.replace(good, bad))
    with pytest.raises(InstallationError) as caught:
        load("own.toml", tmp_path)
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0].message


PROFILE = (
    sites.PROFILE
    + """
[sunspec]
models = [103]
[[channel]]
key = "power"
name = { fr = "Puissance", en = "Power" }
unit = "W"
quantity = "power"
decimals = 1
point = "W"
"""
)


def test_power_of_ten_that_the_model_fixes_counts_once_wherever_the_model_lies() -> None:
    channel = load("sunspec-weather", Path()).channel("module-temperature")
    assert channel is not None
    moved = channel_at(channel, Placed(308, 50_100, 4))
    assert moved is not None
    assert (moved.address, moved.scale) == (50_103, 0.1)
    again = channel_at(moved, Placed(308, 40_070, 4))
    assert again == channel


def test_of_a_repeating_block_the_first_is_read() -> None:
    channel = load("sunspec-irradiance", Path()).channel("plane-of-array")
    assert channel is not None
    three = channel_at(channel, Placed(302, 40_070, 15))
    assert three is not None
    assert three.address == 40_073
