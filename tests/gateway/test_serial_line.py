"""Serial lines at real baud rates: whatever a slave does, a value is its own register's, or there is none."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrine.installation import Connection
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.modbus import late
from vitrine_gateway.modbus.asked import Asked
from vitrine_gateway.modbus.failures import NoAnswer, Refused
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.reading import Sample

from .paced_bus import Say, ascii_frame, body_of, good, held, paced_bus, rtu
from .sites import device, site, write_profile

pytestmark = pytest.mark.anyio


def connection(port: str, baudrate: int = 19200, transport: str = "rtu", **more: object) -> Connection:
    return Connection(transport=transport, serial_port=port, baudrate=baudrate, **more)  # type: ignore[arg-type]


async def ask(line: Line, unit: int, first: int, count: int = 2, timeout: float = 5.0) -> list[int] | str:
    try:
        words, _ = await line.read(Request("holding", first, count, ()), unit, timeout)
    except (NoAnswer, Refused) as error:
        return str(error)
    return words


def expected(unit: int, first: int, count: int = 2) -> list[int]:
    return [held(unit, first + at) for at in range(count)]


def dead(_unit: int, _request: bytes) -> Say:
    return []


def slow(unit: int, request: bytes) -> Say:
    return [(0.25, good(unit, request)[0][1])]


def lying(unit: int, _request: bytes) -> Say:
    return [(0.0, rtu(unit, b"\x03\x02\x00\x09"))]


def promising(unit: int, request: bytes) -> Say:
    body = body_of(unit, request)
    return [(0.0, rtu(unit, bytes([body[0], 200]) + body[2:]))]


def wrong_crc(unit: int, request: bytes) -> Say:
    frame = good(unit, request)[0][1]
    return [(0.0, frame[:-1] + bytes([frame[-1] ^ 1]))]


def truncated(unit: int, request: bytes) -> Say:
    return [(0.0, good(unit, request)[0][1][:-3])]


def other_function(unit: int, request: bytes) -> Say:
    body = body_of(unit, request)
    return [(0.0, rtu(unit, b"\x04" + body[1:]))]


def other_unit(unit: int, request: bytes) -> Say:
    return [(0.0, rtu(unit + 100, body_of(unit, request)))]


def noise_and_echo(unit: int, request: bytes) -> Say:
    return [(0.0, b"\x00\x03" + rtu(unit, request) + good(unit, request)[0][1])]


def in_pieces(unit: int, request: bytes) -> Say:
    frame = good(unit, request)[0][1]
    return [(0.03, frame[at : at + 2]) for at in range(0, len(frame), 2)]


@pytest.mark.parametrize(
    ("slave", "failure"),
    [
        (dead, "no answer"),
        (slow, ""),
        (lying, "1 registers instead of 2"),
        (promising, "no answer"),
        (wrong_crc, "check sum"),
        (truncated, "no answer"),
        (other_function, "function 4"),
        (other_unit, "no answer"),
        (noise_and_echo, ""),
        (in_pieces, ""),
    ],
)
@pytest.mark.parametrize("baudrate", [9600, 19200])
async def test_one_bad_slave_among_good_ones(baudrate: int, slave: Callable[..., Say], failure: str) -> None:
    async with paced_bus(baudrate, {1: good, 2: slave, 3: good}) as bus:
        line = Line(connection(bus.port, baudrate))
        for first in (10, 20):
            assert await ask(line, 1, first) == expected(1, first)
            found = await ask(line, 2, 30, timeout=0.3 if failure else 5.0)
            assert failure in found if failure else found == expected(2, 30)
            assert await ask(line, 3, first, 20) == expected(3, first, 20)
        line.close()
        assert line.statistics.reconnections == 0
        assert line.statistics.units[1].answers == line.statistics.units[3].answers == 2


async def test_several_slaves_asked_at_once_one_of_each_kind() -> None:
    kinds = {1: good, 2: dead, 3: slow, 4: lying, 5: wrong_crc, 6: truncated, 7: good, 8: other_function}
    async with paced_bus(19200, kinds) as bus:
        line = Line(connection(bus.port))

        async def poll(unit: int) -> None:
            for first in (0, 7, 7, 40):
                found = await ask(line, unit, first, 5, 5.0 if unit in (1, 3, 7) else 0.3)
                assert isinstance(found, str) or found == expected(unit, first, 5)
                assert isinstance(found, list) or unit not in (1, 3, 7)

        await asyncio.gather(*map(poll, kinds))
        line.close()


async def test_wrong_check_sum_is_asked_again_at_once() -> None:
    spoilt = iter([True])

    def once(unit: int, request: bytes) -> Say:
        return wrong_crc(unit, request) if next(spoilt, False) else good(unit, request)

    async with paced_bus(19200, {1: once}) as bus:
        line = Line(connection(bus.port))
        assert await ask(line, 1, 10) == expected(1, 10)
        assert line.statistics.units[1].damaged == 1
        line.close()


async def test_answer_after_its_timeout_is_not_taken_for_the_next_one() -> None:
    """The second request has the same unit, function and length as the late answer (pymodbus 2636)."""
    delays = iter([0.45])

    def late_once(unit: int, request: bytes) -> Say:
        return [(next(delays, 0.0), good(unit, request)[0][1])]

    async with paced_bus(19200, {1: late_once, 2: good}) as bus:
        line = Line(connection(bus.port))
        assert "no answer" in await ask(line, 1, 10, timeout=0.3)
        assert await ask(line, 2, 10) == expected(2, 10)
        assert await ask(line, 1, 20) == expected(1, 20)
        assert line.statistics.units[1].late == 1
        assert line.statistics.units[1].silent == 0
        line.close()


async def test_late_refusal_is_not_held_against_another_request() -> None:
    first = iter([(0.45, rtu(1, b"\x83\x02"))])

    def refuses_late(unit: int, request: bytes) -> Say:
        return [next(first, (0.3, good(unit, request)[0][1]))]

    async with paced_bus(19200, {1: refuses_late}) as bus:
        line = Line(connection(bus.port))
        assert "no answer" in await ask(line, 1, 10, timeout=0.3)
        assert "earlier request" in await ask(line, 1, 20, 3)
        assert await ask(line, 1, 30, 3) == expected(1, 30, 3)
        line.close()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(st.tuples(st.sampled_from([10, 20, 30]), st.sampled_from([2, 3])), min_size=4, max_size=6),
    delays=st.lists(st.floats(0, 0.28), min_size=4, max_size=12),
)
def test_values_of_a_slave_of_any_lateness(
    monkeypatch: pytest.MonkeyPatch, requests: list[tuple[int, int]], delays: list[float]
) -> None:
    """Up to the time-out and twice it again, whatever is asked in whichever order."""
    monkeypatch.setattr(late, "_LEAST_PATIENCE", 0.0)

    async def run() -> None:
        thinking = iter(delays)
        async with paced_bus(
            115200, {1: lambda unit, request: [(next(thinking, 0.0), good(unit, request)[0][1])]}
        ) as bus:
            line = Line(connection(bus.port, 115200))
            for first, count in requests:
                found = await ask(line, 1, first, count, 0.1)
                assert isinstance(found, str) or found == expected(1, first, count)
            line.close()

    asyncio.run(run())


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2]), st.sampled_from([0, 10]), st.sampled_from([2, 4]), st.floats(0, 3.0)),
        max_size=12,
    )
)
def test_no_late_answer_fits_a_request_that_may_be_sent(steps: list[tuple[int, int, int, float]]) -> None:
    """A model of the line in its own time: every answer comes, up to twice the time-out late."""
    timeout, now = 1.0, 0.0
    guard = LateAnswers()
    coming: list[tuple[float, Asked]] = []
    for unit, first, count, think in steps:
        asked = Asked(unit, 3, first, count, 1 + 2 * count)
        sent = now + guard.wait(asked, now)
        coming = sorted([*coming, (sent + think, asked)], key=lambda one: one[0])
        while coming and coming[0][0] <= sent:  # what comes as it is sent is not its answer
            at, other = coming.pop(0)
            guard.recognise(other.unit, 3, other.size, at)
        now = sent + timeout
        while coming and coming[0][0] < sent + timeout:
            at, other = coming.pop(0)
            if not other.like(asked):
                guard.recognise(other.unit, 3, other.size, at)
                continue
            assert other == asked
            now = at
            guard.answered(asked, sent, timeout)
            break
        else:
            guard.expect(asked, sent, timeout)


async def test_slow_line_is_given_the_time_its_bytes_take() -> None:
    """100 registers at 2400 baud take 0.9 s on the wire; the time-out is what the instrument may think."""
    async with paced_bus(2400, {1: good}) as bus:
        line = Line(connection(bus.port, 2400))
        assert await ask(line, 1, 0, 100, timeout=0.6) == expected(1, 0, 100)
        line.close()


@pytest.mark.parametrize(("spoil", "failure"), [(bytes, ""), (lambda frame: frame[:5] + b"Z" + frame[6:], "no answer")])
async def test_ascii(spoil: Callable[[bytes], bytes], failure: str) -> None:
    slaves = {1: lambda unit, request: [(0.0, ascii_frame(unit, body_of(unit, request)))]}
    slaves[2] = lambda unit, request: [(0.0, spoil(ascii_frame(unit, body_of(unit, request))))]
    async with paced_bus(9600, slaves, "ascii") as bus:
        line = Line(connection(bus.port, 9600, "ascii"))
        for _ in range(2):
            assert await ask(line, 1, 10, 5) == expected(1, 10, 5)
            found = await ask(line, 2, 10, 5, timeout=0.3 if failure else 5.0)
            assert failure in found if failure else found == expected(2, 10, 5)
        line.close()


async def test_ascii_line_with_wrong_check_sum() -> None:
    def wrong(unit: int, request: bytes) -> Say:
        frame = ascii_frame(unit, body_of(unit, request))
        return [(0.0, frame[:-4] + (b"00" if frame[-4:-2] != b"00" else b"01") + frame[-2:])]

    async with paced_bus(19200, {1: wrong}, "ascii") as bus:
        line = Line(connection(bus.port, 19200, "ascii"))
        assert await ask(line, 1, 10) == "the answer's check sum is wrong"
        line.close()


async def test_line_that_never_falls_silent() -> None:
    async with paced_bus(19200, {1: good}) as bus:
        line = Line(connection(bus.port, pause_s=0.1))
        assert await ask(line, 1, 10) == expected(1, 10)
        chatter = asyncio.create_task(_chatter(bus._master))
        assert "another master" in await ask(line, 1, 20)
        chatter.cancel()
        line.close()


async def _chatter(master: int) -> None:
    while True:
        os.write(master, b"\x55")
        await asyncio.sleep(0.02)


async def test_settings_that_the_port_refuses_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pseudo-terminal has 8 data bits only; here it passes for another port."""
    monkeypatch.setattr("vitrine_gateway.modbus.transports._PSEUDO_TERMINALS", range(0))
    async with paced_bus(19200, {1: good}) as bus:
        line = Line(connection(bus.port, data_bits=7, parity="E"))
        assert "the port refuses its settings" in await ask(line, 1, 10)


async def test_port_that_is_not_there_is_named_and_not_hammered() -> None:
    line = Line(connection("/dev/ttyNONE"))
    found = [await ask(line, 1, 0) for _ in range(5)]
    assert set(found) == {"cannot connect to /dev/ttyNONE: there is no such port"}
    assert line.statistics.failed_connections == 1


async def test_adapter_pulled_out_ends_the_request_at_once_and_comes_back() -> None:
    async with paced_bus(19200, {1: good}) as bus:
        line = Line(connection(bus.port))
        assert await ask(line, 1, 10) == expected(1, 10)
        waiting = asyncio.create_task(ask(line, 2, 10, timeout=600))
        while len(bus.asked) < 2:
            await asyncio.sleep(0.01)
    assert "was lost" in await asyncio.wait_for(waiting, 60)
    async with paced_bus(19200, {1: good}) as bus:
        line._endpoints._connection = connection(bus.port)
        for _ in range(200):
            if (found := await ask(line, 1, 10)) == expected(1, 10):
                break
            await asyncio.sleep(0.05)
        assert found == expected(1, 10)
        assert line.statistics.reconnections == 1
        line.close()


async def test_whole_site_on_one_paced_line(tmp_path: Path) -> None:
    """Each value of each sample is its own register's, and the living are read while others are dead, slow or lie."""
    kinds = {1: good, 2: dead, 3: slow, 4: lying, 5: good, 6: wrong_crc}
    found: dict[str, list[Sample]] = {f"d{unit}": [] for unit in kinds}
    write_profile(
        tmp_path, ("a", 3, "uint16", "holding"), ("b", 4, "uint16", "holding"), ("c", 40, "uint16", "holding")
    )
    async with paced_bus(19200, kinds) as bus:
        wire = '{{ transport = "rtu", port = "{}", baudrate = 19200, unit = {}, timeout = "{}" }}'
        devices = [
            device(f"d{unit}", wire.format(bus.port, unit, "5 s" if unit in (1, 3, 5) else "300 ms"), every="500 ms")
            for unit in kinds
        ]
        instruments = Instruments(site(tmp_path, *devices), lambda sample: found[sample.device].append(sample))
        task = asyncio.create_task(instruments.run())
        while min(len(found[f"d{unit}"]) for unit in (1, 3, 5)) < 4:
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for unit in kinds:
        own = {"a": held(unit, 3), "b": held(unit, 4), "c": held(unit, 40)}
        readings = [reading for sample in found[f"d{unit}"] for reading in sample.readings]
        assert all(reading.value in (None, own[reading.channel]) for reading in readings)
        assert any(reading.value is not None for reading in readings) == (unit in (1, 3, 5))
    for unit in (1, 3, 5):
        assert all(sample.answered for sample in found[f"d{unit}"])
