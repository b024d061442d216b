"""What an instrument, or a converter before it, says instead of values: time asked for, faults, nobody there."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from vitrine.quality import Test
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.reading import Sample

from .modbus_server import Server, Unit, modbus_server, serial_line
from .sites import device, site, tcp, write_profile
from .test_trigger import declare

pytestmark = pytest.mark.anyio

#: Two requests: b is too far from a.
TWO = (("a", 0, "uint16", "holding"), ("b", 40, "uint16", "holding"))
BOTH = {"a": (1, 0), "b": (2, 0)}
NOTHING = (None, int(Test.NO_ANSWER))


@asynccontextmanager
async def reading(folder: Path, *, more: str = "", written: bool = False) -> AsyncIterator[tuple[Server, Reader]]:
    """Serve one instrument with the registers of TWO, and a reader of it; `written`: its profile is there already."""
    async with modbus_server() as server:
        if not written:
            write_profile(folder, *TWO)
        server.unit(1).holding = {0: 1, 40: 2}
        one = site(folder, device("d", tcp(server.port), more=more)).devices[0]
        line = Line(one.device.connection)
        try:
            yield server, Reader(one, line)
        finally:
            line.close()
            await asyncio.sleep(0.01)


def values(sample: Sample) -> dict[str, tuple[float | None, int]]:
    return {reading.channel: (reading.value, reading.tests) for reading in sample.readings}


async def read(reader: Reader, slot_s: float) -> dict[str, tuple[float | None, int]]:
    return values(await reader.read(until=time.monotonic() + slot_s))


@pytest.mark.parametrize("codes", [[6], [5], [6, 5, 6]])
async def test_instrument_that_asks_for_time_is_asked_again_within_the_slot(codes: list[int], tmp_path: Path) -> None:
    async with reading(tmp_path) as (server, reader):
        server.unit(1).says = [*codes]
        before = time.monotonic()
        assert await read(reader, 10.0) == BOTH
        assert time.monotonic() - before >= (0.1 if len(codes) == 1 else 0.7)
        assert (reader.failure, reader.quarantined) == ("", {})
        counts = reader._line.statistics.units[1]
    assert (counts.requests, counts.answers, counts.busy, counts.refusals) == (len(codes) + 2, 2, len(codes), 0)


@pytest.mark.parametrize(("code", "words"), [(5, "acknowledge"), (6, "device busy")])
async def test_nothing_is_asked_again_beyond_the_slot_and_nothing_is_quarantined(
    code: int, words: str, tmp_path: Path
) -> None:
    async with reading(tmp_path) as (server, reader):
        server.unit(1).says = [code] * 100
        before = time.monotonic()
        assert await read(reader, 0.5) == {"a": NOTHING, "b": NOTHING}
        assert time.monotonic() - before < 0.5 + 0.3
        assert reader.failure == f"the instrument refuses: {words}"
        assert (reader.quarantined, reader.breaker) == ({}, "closed")
        server.unit(1).says.clear()
        assert await read(reader, 1.0) == BOTH
        assert reader.failure == ""


async def test_the_line_is_free_for_others_while_one_asks_for_time(tmp_path: Path) -> None:
    async with modbus_server() as server:
        write_profile(tmp_path, *TWO)
        for number in (1, 2):
            server.unit(number).holding = {0: 1, 40: 2}
        server.unit(1).says = [6] * 10_000
        found: dict[str, list[Sample]] = {"busy": [], "other": []}
        instruments = Instruments(
            site(
                tmp_path,
                device("busy", tcp(server.port, 1), every="1 s"),
                device("other", tcp(server.port, 2), every="100 ms"),
            ),
            lambda sample: found[sample.device].append(sample),
        )
        task = asyncio.create_task(instruments.run())
        while len(found["other"]) < 15 or len(found["busy"]) < 2:
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert all(values(sample) == BOTH for sample in found["other"])
    assert all(values(sample) == {"a": NOTHING, "b": NOTHING} for sample in found["busy"])
    assert instruments.missed_slots.get("busy", 0) == 0
    counts = instruments.lines()[0].units[1]
    assert counts.busy == counts.requests


async def test_identity_that_cannot_be_told_yet_proves_nothing(tmp_path: Path) -> None:
    write_profile(tmp_path, *TWO, identity=True)
    async with reading(tmp_path, written=True) as (server, reader):
        server.unit(1).holding[11] = 335
        server.unit(1).says = [6] * 100
        assert await read(reader, 0.3) == {"a": NOTHING, "b": NOTHING}
        server.unit(1).says.clear()
        assert {tests for _, tests in (await read(reader, 1.0)).values()} == {int(Test.SENSOR_STATUS)}
        assert "holds 335 instead of 341" in reader.failure


@pytest.mark.parametrize(("says", "asked"), [([5], 1), ([6], 2)])
async def test_trigger_that_was_taken_is_not_sent_twice(says: list[int], asked: int, tmp_path: Path) -> None:
    declare(tmp_path)
    async with reading(tmp_path, more="trigger = true", written=True) as (server, reader):
        server.unit(1).holding, server.unit(1).writable, server.unit(1).says = {83: 7}, True, says
        assert values(await reader.read()) == {"a": (7, 0)}
        assert server.unit(1).asked == [*[(16, 1, 1)] * asked, (3, 83, 1)]


@pytest.mark.parametrize("code", [4, 8])
async def test_fault_that_passes_leaves_nothing_behind(code: int, tmp_path: Path) -> None:
    async with reading(tmp_path) as (server, reader):
        server.unit(1).says = [code] * 4
        for _ in range(2):
            assert await read(reader, 1.0) == {"a": NOTHING, "b": NOTHING}
        assert reader.quarantined == {}
        assert await read(reader, 1.0) == BOTH


async def test_fault_that_stays_is_laid_to_its_registers_and_takes_no_others_with_it(tmp_path: Path) -> None:
    """Some instruments answer 4 where they have no register."""

    def spoil(answer: bytes) -> bytes:
        return b"\x83\x04" if len(answer) > 4 or answer[-1] == 9 else answer

    write_profile(tmp_path, ("a", 0, "uint16", "holding"), ("b", 1, "uint16", "holding"))
    async with reading(tmp_path, written=True) as (server, reader):
        server.unit(1).holding, server.unit(1).spoil = {0: 1, 1: 9}, spoil
        for _ in range(6):
            found = await read(reader, 1.0)
        assert found == {"a": (1, 0), "b": NOTHING}
        assert reader.quarantined == {"b": "b: the instrument refuses: device failure"}


@pytest.mark.parametrize(
    ("code", "words"), [(10, "gateway path unavailable"), (11, "gateway target failed to respond")]
)
async def test_converter_whose_instrument_is_not_there(code: int, words: str, tmp_path: Path) -> None:
    """It is as silent as the instrument behind it: the breaker opens, the connection stays, the others are read."""
    async with reading(tmp_path) as (server, reader):
        server.unit(2).holding = {0: 1, 40: 2}
        other_site = site(tmp_path, device("o", tcp(server.port, 2))).devices[0]
        other = Reader(other_site, reader._line)
        server.unit(1).says = [code] * 100
        for _ in range(4):
            assert await read(reader, 0.3) == {"a": NOTHING, "b": NOTHING}
            assert await read(other, 0.3) == BOTH
        assert (reader.failure, reader.breaker) == (words, "open")
        assert len(server.unit(1).asked) == 3
        assert server.connections == 1
        assert reader._line.statistics.units[1].timeouts == 3


async def test_converter_that_lost_one_answer_is_asked_once_more(tmp_path: Path) -> None:
    async with reading(tmp_path) as (server, reader):
        server.unit(1).says = [11]
        assert await read(reader, 5.0) == BOTH


async def test_answer_that_was_lost_is_asked_for_once_more_where_the_slot_has_time(tmp_path: Path) -> None:
    async with reading(tmp_path) as (server, reader):
        server.unit(1).says = [0]
        assert await read(reader, 5.0) == BOTH
        server.unit(1).says = [0]
        assert await read(reader, 0.4) == {"a": NOTHING, "b": NOTHING}


async def test_slave_on_a_serial_line_that_asks_for_time(tmp_path: Path) -> None:
    write_profile(tmp_path, *TWO)
    unit = Unit(holding={0: 1, 40: 2}, says=[6, 6])
    with serial_line({1: unit}) as port:
        connection = f'{{ transport = "rtu", port = "{port}", baudrate = 19200, unit = 1, timeout = "300 ms" }}'
        one = site(tmp_path, device("d", connection)).devices[0]
        reader = Reader(one, Line(one.device.connection))
        assert await read(reader, 5.0) == BOTH
        assert reader._line.statistics.units[1].busy == 2
        reader._line.close()
