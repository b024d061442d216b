"""Every Modbus profile, served by the simulator and read back by the gateway's own reader over a real socket."""

from pathlib import Path

import pytest

from vitrine.quality import Test
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.profiles import Profile, load, names
from vitrine_gateway.reading import Sample
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_server import ModbusServer
from vitrine_simulators.modbus_slaves import Slaves
from vitrine_simulators.registers import step

from .sites import PROFILE, device, site, tcp

pytestmark = pytest.mark.anyio

MODBUS_PROFILES = [name for name in names() if load(name, Path()).protocol == "modbus"]
EVERY_KIND = (
    PROFILE
    + "".join(
        f'''
[[channel]]
key = "{key}"
name = {{ fr = "Voie", en = "Channel" }}
unit = "mg/L"
quantity = "concentration"
decimals = 1
table = "input"
{place}
'''
        for key, place in (
            ("upper-half", 'address = 0\ntype = "uint8"\norder = "A-"'),
            ("lower-half", 'address = 0\ntype = "int8"\norder = "-A"'),
            ("digits", 'address = 1\ntype = "bcd32"\norder = "CDAB"'),
            ("wide", 'address = 3\ntype = "int48"\norder = "FEDCBA"'),
            ("backwards", 'address = 6\ntype = "float64"\norder = "HGFEDCBA"'),
            ("low-bits", 'address = 10\ntype = "uint16"\nbits = [0, 6]'),
            ("high-bits", 'address = 10\ntype = "uint16"\nbits = [8, 6]'),
            ("factor", 'address = 13\ntype = "int16"\nscale_factor = { address = 11 }\noffset = 2.0'),
            ("unit", 'address = 14\ntype = "uint16"\nunit_code = { address = 16, units = { 1 = "mg/L", 2 = "g/L" } }'),
            ("trusted", 'address = 17\ntype = "uint16"\nquality = { address = 18, good = [1] }'),
        )
    )
    + """
[[identity]]
table = "holding"
address = 20
type = "string"
registers = 5
order = "A-"
values = ["EM340"]
meaning = { fr = "modèle", en = "model" }
"""
)


def slaves(profile: Profile, values: dict[str, float]) -> Slaves:
    return Slaves({1: ModbusDevice(profile, frozenset(values), lambda key, now: values[key])})


async def read_back(folder: Path, name: str) -> tuple[dict[str, float], Sample, str]:
    """Return the values set, what was read, and what the reader complains of."""
    profile = load(name, folder)
    values = {channel.key: 3.0 + position % 20 for position, channel in enumerate(profile.channels)}
    server = ModbusServer("127.0.0.1", 0, slaves(profile, values))
    await server.start()
    trigger = "trigger = true" if profile.trigger else ""
    devices = site(folder, device("d", tcp(server.port, timeout="5 s"), profile=name, more=trigger)).devices
    line = Line(devices[0].device.connection)
    try:
        reader = Reader(devices[0], line)
        sample = await reader.read()
    finally:
        line.close()
        await server.stop()
    return values, sample, reader.failure


@pytest.mark.parametrize("name", MODBUS_PROFILES)
async def test_profile_is_read_back(name: str, tmp_path: Path) -> None:
    values, sample, failure = await read_back(tmp_path, name)
    assert failure == ""
    assert {reading.channel for reading in sample.readings} == set(values)
    for reading in sample.readings:
        channel = load(name, tmp_path).channel(reading.channel)
        assert channel is not None
        assert reading.tests == 0, channel.key
        half = abs(step(channel)) / 2 * 1.001 if "int" in channel.type else 0.0
        assert reading.value == pytest.approx(values[channel.key], rel=1e-6, abs=half), channel.key


async def test_every_type_and_companion_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(EVERY_KIND)
    values, sample, failure = await read_back(tmp_path, "own.toml")
    assert failure == ""
    found = {reading.channel: reading.value for reading in sample.readings}
    assert found == pytest.approx(values)
    assert {reading.tests for reading in sample.readings} == {0}


async def test_another_text_is_another_instrument(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(EVERY_KIND)
    profile = load("own.toml", tmp_path)
    (tmp_path / "own.toml").write_text(EVERY_KIND.replace("EM340", "EM330"))
    server = ModbusServer("127.0.0.1", 0, slaves(profile, {}))
    await server.start()
    one = site(tmp_path, device("d", tcp(server.port, timeout="5 s"))).devices[0]
    line = Line(one.device.connection)
    try:
        reader = Reader(one, line)
        sample = await reader.read()
    finally:
        line.close()
        await server.stop()
    assert {reading.tests for reading in sample.readings} == {int(Test.SENSOR_STATUS)}
    assert "holds EM340 instead of EM330" in reader.failure
