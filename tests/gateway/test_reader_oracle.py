"""Whatever fails, a value is its own registers' or none: the reader against an oracle of registers.

The oracle packs each value into its registers (the simulator's encoder, the inverse of what the gateway does) and knows
nothing of requests. The line refuses, asks for time, falls silent, damages and goes down as it is told.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine_gateway.modbus.failures import Damaged, LineDown, NoAnswer, of_code
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.profiles.types import WIDTHS, orders_of
from vitrine_gateway.reading import Sample
from vitrine_simulators.registers import encode

from .sites import PROFILE, device, site, tcp

FAULTS = ("", "", "", "silent", "down", "damaged", "2", "3", "4", "5", "6", "8", "10", "11")
MOST = 20


@dataclass(frozen=True)
class Place:
    """One value among the registers."""

    key: str
    table: str
    address: int
    kind: str
    order: str
    value: float

    @property
    def words(self) -> list[int]:
        return encode(self.value, self.kind, self.order)

    def toml(self) -> str:
        return (
            f'[[channel]]\nkey = "{self.key}"\nname = {{ fr = "V", en = "V" }}\nunit = "1"\nquantity = "count"\n'
            f'decimals = 0\ntable = "{self.table}"\naddress = {self.address}\ntype = "{self.kind}"\n'
            f'order = "{self.order}"\n'
        )


@st.composite
def places(draw: st.DrawFn) -> list[Place]:
    found: list[Place] = []
    ends = {"input": 0, "holding": 0}
    for number in range(draw(st.integers(1, 8))):
        table = draw(st.sampled_from(sorted(ends)))
        kind = draw(st.sampled_from([one for one in WIDTHS if not one.endswith("int8")]))
        order = draw(st.sampled_from(orders_of(kind)))
        address = ends[table] + draw(st.integers(0, 12))
        ends[table] = address + WIDTHS[kind]
        found.append(Place(f"c{number}", table, address, kind, order, float(draw(st.integers(0, 99)) * 100 + number)))
    return found


@dataclass
class Wire:
    """A line to one instrument, in a time of its own."""

    memory: dict[tuple[str, int], int]
    #: What happens to the requests, one after the other; then all is well.
    faults: list[str] = field(default_factory=list)
    now: float = 1000.0

    async def read(self, request: Request, unit: int, timeout: float) -> tuple[list[int], float]:
        self.now += 0.01
        match self.faults.pop(0) if self.faults else "":
            case "silent":
                self.now += timeout
                raise NoAnswer("silence")
            case "down":
                raise LineDown("no line")
            case "damaged":
                raise Damaged("noise")
            case code if code:
                raise of_code(int(code))
        if request.count > MOST:
            raise of_code(3)
        words = [self.memory.get((request.table, request.first + at)) for at in range(request.count)]
        found = [word for word in words if word is not None]
        if len(found) < len(words):
            raise of_code(2)
        return found, self.now

    async def write(self, first: int, words: tuple[int, ...], unit: int, timeout: float) -> float:
        raise AssertionError("nothing is ever written")

    async def start(self, first: int, unit: int, timeout: float) -> float:
        raise AssertionError("nothing is ever started")

    async def pause(self, seconds: float) -> None:
        self.now += seconds


@settings(max_examples=150, deadline=None)
@given(
    wanted=places(),
    faults=st.lists(st.sampled_from(FAULTS), max_size=40),
    illegal=st.sets(st.integers(0, 7), max_size=2),
    filled=st.sets(st.integers(0, 120)),
    cycles=st.integers(1, 6),
)
def test_every_value_is_its_own_registers_whatever_fails(
    wanted: list[Place], faults: list[str], illegal: set[int], filled: set[int], cycles: int
) -> None:
    gone = {one.key for number, one in enumerate(wanted) if number in illegal}
    memory = {(one.table, one.address + at): word for one in wanted for at, word in enumerate(one.words)}
    for one in wanted:
        if one.key in gone:
            del memory[one.table, one.address]
    for address in filled:  # holes that can be read, with what must never become a value
        for table in ("input", "holding"):
            if not any(one.table == table and one.address <= address < one.address + len(one.words) for one in wanted):
                memory[table, address] = 0xDEAD
    wire = Wire(memory, list(faults))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own.toml").write_text(PROFILE + "".join(one.toml() for one in wanted))
        one_device = site(folder, device("d", tcp(1), every="1 s")).devices[0]
    reader = Reader(one_device, wire, now=lambda: wire.now, pause=wire.pause)

    async def run() -> Sample:
        for _ in range(cycles):
            compare(wanted, await reader.read(until=wire.now + 1.0))
            wire.now += 1.0
        wire.faults.clear()
        for _ in range(20):  # time enough for the longest pause, and for every hole to be found
            sample = await reader.read(until=wire.now + 400.0)
            compare(wanted, sample)
            wire.now += 400.0
        return sample

    found = {reading.channel: reading.value for reading in asyncio.run(run()).readings}
    assert {key for key, value in found.items() if value is None} == gone
    assert set(reader.quarantined) == gone


def compare(wanted: list[Place], sample: Sample) -> None:
    """Each channel is there once: with its own value and no test, or without a value and with the reason."""
    assert sorted(reading.channel for reading in sample.readings) == sorted(one.key for one in wanted)
    own = {one.key: one.value for one in wanted}
    for reading in sample.readings:
        if reading.value is None:
            assert reading.tests
        else:
            assert reading.value == pytest.approx(own[reading.channel]), reading.channel
            assert reading.tests == 0


def test_register_that_was_refused_is_asked_for_again_slowly_and_comes_back() -> None:
    one = Place("c0", "holding", 5, "uint16", "AB", 7.0)
    other = Place("c1", "holding", 30, "uint16", "AB", 8.0)
    wire = Wire({(other.table, other.address): 8})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own.toml").write_text(PROFILE + one.toml() + other.toml())
        one_device = site(folder, device("d", tcp(1), every="1 s")).devices[0]
    reader = Reader(one_device, wire, now=lambda: wire.now, pause=wire.pause)

    def value() -> float | None:
        sample = asyncio.run(reader.read(until=wire.now + 1.0))
        compare([one, other], sample)
        return {reading.channel: reading.value for reading in sample.readings}["c0"]

    refused_at = wire.now
    assert value() is None
    wire.memory[one.table, one.address] = 7
    while wire.now < refused_at + 299.0:
        assert value() is None, "it is asked for again too soon"
        wire.now += 10.0
    wire.now = refused_at + 301.0
    assert value() == 7.0
    assert (reader.quarantined, reader.failure) == ({}, "")
