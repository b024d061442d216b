"""Faults of bus and network on their own: what they do to an answer and to a way, and what cannot be declared."""

import asyncio
import struct
import time

import pytest

from vitrine.errors import ConfigurationError, InstallationError
from vitrine.installation_file import load
from vitrine_simulators.false_clock import Machine
from vitrine_simulators.faults import KINDS, Occurrence, load_faults
from vitrine_simulators.faults.bus import EFFECTS, disturbed
from vitrine_simulators.modbus_frames import TAKES, WRAPS, NotModbus, Request, crc16
from vitrine_simulators.modbus_server import ModbusServer
from vitrine_simulators.modbus_slaves import Answer, Slaves
from vitrine_simulators.profile_site import Place, installation_text
from vitrine_simulators.relay import Distant, Relay
from vitrine_simulators.run import Wishes, run
from vitrine_simulators.weather import Link, link_under

#: A request for two holding registers from 10 on, and its answer.
ASKED = Request(7, struct.pack(">BHH", 3, 10, 2), 42)
ANSWER = Answer(7, bytes([3, 4, 0, 1, 0, 2]))


def occurrence(kind, begin=0.0, end=10.0, **parameters):
    return Occurrence(id="1", kind=kind, family=KINDS[kind].family, begin=begin, end=end, parameters=parameters)


@pytest.mark.parametrize(
    ("kind", "parameters", "unit", "body"),
    [
        ("wrong-function", {}, 7, bytes([4, 4, 0, 1, 0, 2])),
        ("wrong-length", {}, 7, bytes([3, 2, 0, 1])),
        ("wrong-unit", {}, 8, ANSWER.body),
        ("exception", {"code": 6}, 7, bytes([0x83, 6])),
        ("illegal-addresses", {"first": 11, "last": 20}, 7, bytes([0x83, 2])),
        ("illegal-addresses", {"first": 12, "last": 20}, 7, ANSWER.body),
        ("illegal-addresses", {"first": 0, "last": 9}, 7, ANSWER.body),
        ("one-connection", {}, 7, ANSWER.body),
    ],
)
def test_what_a_fault_of_the_bus_makes_of_an_answer(kind, parameters, unit, body):
    found = disturbed([occurrence(kind, **parameters)], ASKED, ANSWER)
    assert (found.unit, found.body, found.delay_s, found.pause_s) == (unit, body, 0.0, 0.0)


def test_faults_of_the_bus_add_up():
    assert disturbed([occurrence("no-answer"), occurrence("exception", code=4)], ASKED, ANSWER) is None
    found = disturbed([occurrence("late-answer", delay=2.0), occurrence("slow", byte_time=0.01)], ASKED, ANSWER)
    assert (found.delay_s, found.pause_s) == (2.0, 0.01)


def test_every_kind_of_the_bus_has_its_effect():
    assert set(EFFECTS) == {name for name, kind in KINDS.items() if kind.family == "bus"}


@pytest.mark.parametrize("framing", ["rtu", "ascii"])
def test_a_wrong_check_sum_is_wrong_and_all_else_is_right(framing):
    slaves = Slaves({}, framing)
    good = slaves.frame(ASKED, ANSWER)
    spoiled = slaves.frame(ASKED, disturbed([occurrence("wrong-check-sum")], ASKED, ANSWER))
    assert len(spoiled) == len(good)
    assert sum(a != b for a, b in zip(good, spoiled, strict=True)) == 1
    assert TAKES[framing](spoiled)[0] is None
    half = slaves.frame(ASKED, disturbed([occurrence("truncated")], ASKED, ANSWER))
    assert half == good[: len(good) // 2]


@pytest.mark.parametrize("framing", ["mbap", "rtu", "ascii"])
def test_requests_are_found_in_pieces_and_behind_noise(framing):
    take, wrap = TAKES[framing], WRAPS[framing]
    frame = wrap(ASKED, ASKED.unit, ASKED.body)
    wanted = Request(7, ASKED.body, 42 if framing == "mbap" else 0)
    found, left = take(frame[:-1])
    assert found is None
    assert take(left + frame[-1:]) == (wanted, b"")
    assert take(frame + frame) == (wanted, frame)
    if framing != "mbap":
        assert take(b"\x00\x55\xff" + frame)[0] == wanted


def test_a_write_of_several_registers_says_its_own_length():
    body = struct.pack(">BHHBHH", 16, 5, 2, 4, 1, 2)
    frame = bytes([1]) + body
    frame += struct.pack("<H", crc16(frame))
    assert TAKES["rtu"](frame[:9]) == (None, frame[:9])
    assert TAKES["rtu"](frame) == (Request(1, body), b"")


def test_what_is_no_modbus_is_not_answered():
    with pytest.raises(NotModbus):
        TAKES["mbap"](b"GET / HTTP/1.1\r\n")
    assert TAKES["ascii"](b":zz\r\n:0103\r\n") == (None, b"")


def test_a_link_flaps_and_delays_add_up():
    flapping = occurrence("flapping", begin=100.0, end=200.0, period=10.0, how="reset")
    states = [link_under([flapping], now) for now in (100.0, 104.9, 105.0, 109.9, 110.0)]
    assert [state.up for state in states] == [False, False, True, True, False]
    assert states[0].resets
    delayed = [occurrence("delay", delay=1.0), occurrence("delay", delay=0.5)]
    assert link_under(delayed, 1.0) == Link(up=True, resets=False, delay_s=1.5)
    assert not link_under([occurrence("cut", how="silent")], 1.0).up


async def echo(reader, writer):
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


def through(use):
    """Run a coroutine with the address of a relay before an echo, and the link to change."""

    async def both():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        state = {"link": Link()}
        relay = Relay(("127.0.0.1", 0), lambda: server.sockets[0].getsockname()[:2], lambda: state["link"])
        await relay.start()
        try:
            await asyncio.wait_for(use(relay.port, state), 20)
        finally:
            await relay.stop()
            server.close()

    asyncio.run(both())


def test_a_way_that_is_cut_in_silence_holds_what_comes():
    async def use(port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"one")
        assert await reader.read(10) == b"one"
        state["link"] = Link(up=False)
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting := asyncio.ensure_future(reader.read(10))), 0.3)
        state["link"] = Link()
        assert await waiting == b"two"
        writer.close()

    through(use)


def test_a_way_that_is_cut_with_a_reset_ends_every_connection():
    async def use(port, state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        state["link"] = Link(up=False, resets=True)
        with pytest.raises(ConnectionResetError):
            await reader.read(10)
        again, other = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionResetError):
            await again.read(10)
        for one in (writer, other):
            one.close()

    through(use)


def test_a_long_way_takes_its_time_and_keeps_the_order():
    async def use(port, state):
        state["link"] = Link(delay_s=0.2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        for part in (b"1", b"2", b"3"):
            writer.write(part)
            await asyncio.sleep(0.01)
        assert await reader.readexactly(3) == b"123"
        assert time.monotonic() - begun >= 0.4  # there and back
        writer.close()
        assert await reader.read() == b""
        writer.transport.abort()

    through(use)


def test_a_server_behind_a_network_is_found_at_its_own_address():
    async def use():
        server = Distant(("127.0.0.1", 0), ModbusServer("127.0.0.1", 0, Slaves({})), Link)
        await server.start()
        await server.stop()

    asyncio.run(use())


@pytest.mark.parametrize(
    ("fault", "offset"),
    [
        (occurrence("clock-step", begin=1000.0, end=2000.0, size=-60.0), -60.0),
        (occurrence("clock-drift", begin=1000.0, end=9000.0, per_hour=36.0), 5.0),
        (occurrence("clock-1970", begin=1000.0, end=2000.0), -1000.0),
    ],
)
def test_a_false_clock_shows_what_its_fault_says(tmp_path, fault, offset):
    Machine((fault,), 0.0, "00" * 16).write(tmp_path / "machine.json")
    machine = Machine.read(tmp_path / "machine.json")
    assert machine.wall(1500.0) - 1500.0 == pytest.approx(offset)
    assert not machine.synchronised(1500.0)
    assert machine.wall(fault.end) == fault.end
    assert machine.synchronised(999.0)


SITE = installation_text("eastron-sdm120", Place())
ONE = SITE[SITE.index("[[device]]") :]


@pytest.fixture
def site(tmp_path):
    """A file with one device on each kind of wire."""
    wires = [
        'transport = "tcp", host = "127.0.0.1", port = 5020',
        'transport = "udp", host = "127.0.0.1", port = 5021',
        'transport = "rtu", port = "/tmp/tty", unit = 1',
    ]
    text = SITE[: SITE.index("[[device]]")]
    for number, wire in enumerate(wires):
        text += f'[[device]]\nkey = "d{number}"\nprofile = "eastron-sdm120"\nconnection = {{ {wire} }}\n'
    sensor = '{ transport = "mqtt", host = "127.0.0.1", topic = "x" }'
    text += f'[[device]]\nkey = "d3"\nprofile = "json-temperature-humidity"\nconnection = {sensor}\nevery = "10 s"\n'
    (tmp_path / "site.toml").write_text(text)
    return tmp_path / "site.toml"


def declared(path, *faults):
    lines = (f'[[fault]]\n{fault}\nat = "1 h"\nfor = "1 min"\n' for fault in faults)
    path.write_text("\n".join(lines))
    return path


def test_faults_that_do_not_fit_a_wire_are_told_all_at_once(site, tmp_path):
    path = declared(
        tmp_path / "faults.toml",
        'kind = "wrong-check-sum"\ndevice = "d0"',
        'kind = "cut"\ndevice = "d1"',
        'kind = "one-connection"\ndevice = "d2"',
        'kind = "cut"\ndevice = "d2"',
        'kind = "no-answer"\ndevice = "d3"',
        'kind = "exception"\ndevice = "d0"\ncode = 12',
        'kind = "illegal-addresses"\ndevice = "d0"\nfirst = 0',
        'kind = "illegal-addresses"\ndevice = "d0"\nfirst = 9\nlast = 8',
        'kind = "wrong-check-sum"\ndevice = "d2"',
        'kind = "cut"\ndevice = "d3"',
        'kind = "cut"',
    )
    with pytest.raises(InstallationError) as refused:
        load_faults(path, load(site))
    assert [(one.code, one.key) for one in refused.value.problems] == [
        ("does-not-fit", "fault[1].kind"),
        ("does-not-fit", "fault[2].kind"),
        ("does-not-fit", "fault[3].kind"),
        ("does-not-fit", "fault[4].kind"),
        ("does-not-fit", "fault[5].kind"),
        ("out-of-range", "fault[6].code"),
        ("missing-key", "fault[7].last"),
        ("not-a-range", "fault[8].last"),
    ]


def test_faults_that_nothing_here_can_suffer_are_told_all_at_once(site, tmp_path):
    path = declared(tmp_path / "faults.toml", 'kind = "cut"', 'kind = "clock-1970"', 'kind = "killed"')
    with pytest.raises(ConfigurationError) as refused:
        run([site], Wishes(faults=path))
    assert [one.key for one in refused.value.problems] == ["fault[1]", "fault[2]", "fault[3]"]
    with pytest.raises(ConfigurationError, match="real time"):
        run([site], Wishes(faults=path, speed=2.0))
    with pytest.raises(ConfigurationError, match="one installation"):
        run([site, site], Wishes(faults=path))


def test_a_channel_that_cannot_say_that_it_has_no_value_is_told(site):
    with pytest.raises(InstallationError) as refused:
        run([site], Wishes(no_value=("nothing",)))
    assert [one.code for one in refused.value.problems] == ["unknown-channel"]
