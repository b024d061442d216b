"""Lines over a network, against pymodbus' own servers and peers that vanish, refuse, mix up or allow one connection."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer, ModbusUdpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from vitrine.installation import Connection
from vitrine_gateway.modbus import endpoints, late
from vitrine_gateway.modbus.failures import NoAnswer, Refused
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.plan import Request

from .certificates import Certificates, make_certificates
from .modbus_server import modbus_server
from .paced_bus import body_of, held, rtu

pytestmark = pytest.mark.anyio
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def connection(transport: str, port: int, **more: object) -> Connection:
    return Connection(**{"transport": transport, "host": "127.0.0.1", "port": port, **more})  # type: ignore[arg-type]


async def ask(line: Line, first: int, count: int = 2, *, unit: int = 1, timeout: float = 5.0) -> list[int] | str:
    try:
        words, _ = await line.read(Request("holding", first, count, ()), unit, timeout)
    except (NoAnswer, Refused) as error:
        return str(error)
    return words


async def until(line: Line, wanted: list[int], *, timeout: float = 0.3) -> None:
    for _ in range(200):
        if await ask(line, 0, len(wanted), timeout=timeout) == wanted:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(line.statistics)


def device() -> SimDevice:
    return SimDevice(1, simdata=[SimData(0, values=list(range(100, 200)), datatype=DataType.REGISTERS)])


@asynccontextmanager
async def pymodbus_server(kind: Any, **options: object) -> AsyncIterator[int]:
    server = kind(device(), address=("127.0.0.1", 0), **options)
    await server.serve_forever(background=True)
    transport = server.transport
    endpoint = transport.sockets[0] if hasattr(transport, "sockets") else transport.get_extra_info("socket")
    try:
        yield endpoint.getsockname()[1]
    finally:
        await server.shutdown()


@asynccontextmanager
async def peer(serve: Serve, port: int = 0) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await serve(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize(
    ("transport", "kind", "framer"),
    [
        ("tcp", ModbusTcpServer, FramerType.SOCKET),
        ("rtu_over_tcp", ModbusTcpServer, FramerType.RTU),
        ("ascii_over_tcp", ModbusTcpServer, FramerType.ASCII),
        ("udp", ModbusUdpServer, FramerType.SOCKET),
    ],
)
async def test_each_transport(transport: str, kind: Any, framer: FramerType) -> None:
    async with pymodbus_server(kind, framer=framer) as port:
        line = Line(connection(transport, port))
        assert await ask(line, 10, 5) == [110, 111, 112, 113, 114]
        assert "illegal data address" in await ask(line, 900)
        assert "illegal data address" in await ask(line, 70_000)
        await line.write(20, (7, 8), 1, 5.0)
        assert await ask(line, 19, 4) == [119, 7, 8, 122]
        unit = line.statistics.units[1]
        assert (unit.requests, unit.answers, unit.refusals, unit.timeouts) == (5, 3, 2, 0)
        assert line.statistics.bytes_sent > 30
        assert line.statistics.bytes_received > 30
        assert unit.round_trip_s is not None
        line.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def server_context(certificates: Certificates, *, ask_client: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.authority)
    context.load_cert_chain(certificates.server, certificates.server_key)
    context.verify_mode = ssl.CERT_REQUIRED if ask_client else ssl.CERT_NONE
    return context


async def test_tls_with_and_without_a_client_certificate(certificates: Certificates) -> None:
    trusted = {"ca": certificates.authority, "server_name": "instrument.test"}
    own = {"certificate": certificates.client, "key": certificates.client_key}
    async with pymodbus_server(ModbusTlsServer, sslctx=server_context(certificates, ask_client=True)) as port:
        for options, answered in (({**trusted, **own}, True), (trusted, False)):
            line = Line(connection("tls", port, **options))
            found = await ask(line, 10)
            assert (found == [110, 111]) == answered
            line.close()


@pytest.mark.parametrize("wrong", ["name", "authority"])
async def test_tls_server_that_is_not_the_one_wanted_is_refused(certificates: Certificates, wrong: str) -> None:
    ca = certificates.stranger if wrong == "authority" else certificates.authority
    name = "instrument.test" if wrong == "authority" else "other.test"
    async with pymodbus_server(ModbusTlsServer, sslctx=server_context(certificates, ask_client=False)) as port:
        line = Line(connection("tls", port, ca=ca, server_name=name))
        assert "its certificate is refused" in await ask(line, 10)
        line.close()


async def test_tls_file_that_is_missing_is_named(tmp_path: Path) -> None:
    line = Line(connection("tls", 1, ca=str(tmp_path / "none.pem")))
    assert "none.pem" in await ask(line, 10)


async def test_peer_that_vanished_without_a_word_is_left_after_three_silent_requests() -> None:
    mute: list[bool] = [False]
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        dead = mute[0]
        while True:
            request = await reader.readexactly(12)
            dead = dead or (mute[0] and connections == 1)
            if not dead:
                writer.write(request[:4] + b"\x00\x07" + request[6:8] + b"\x04\x00\x64\x00\x65")

    async with peer(serve) as port:
        line = Line(connection("tcp", port))
        await until(line, [100, 101])
        mute[0] = True
        assert ["no answer" in await ask(line, 0, timeout=0.1) for _ in range(3)] == [True] * 3
        mute[0] = False
        await until(line, [100, 101])
        assert connections == line.statistics.connections == 2
        assert line.statistics.reconnections == 1
        line.close()


async def test_dead_device_behind_a_living_converter_does_not_end_the_connection() -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 7, 1: 8}
        server.unit(2).silent = True
        line = Line(connection("tcp", server.port))
        for _ in range(5):
            assert "no answer" in await ask(line, 0, unit=2, timeout=0.05)
            assert await ask(line, 0) == [7, 8]
        assert server.connections == 1
        assert line.statistics.units[2].silent == 5
        line.close()


async def test_backup_serves_until_the_first_endpoint_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_RETURN", 0.1)
    async with modbus_server() as backup:
        backup.unit(1).holding = {0: 2}
        async with modbus_server() as first:
            first.unit(1).holding = {0: 1}
            port = first.port
            line = Line(connection("tcp", port, backup_host="127.0.0.1", backup_port=backup.port))
            await until(line, [1])
            assert backup.connections == 0
        await until(line, [2])
        assert line.statistics.on_backup
        assert line.statistics.place == f"127.0.0.1:{backup.port}"
        async with modbus_server(port) as first:
            first.unit(1).holding = {0: 1}
            await until(line, [1])
            assert not line.statistics.on_backup
            assert first.connections == 1
            line.close()


async def test_connection_is_given_back_between_cycles() -> None:
    """A device that takes one connection only: the owner's own program has it while we rest."""
    held: list[asyncio.StreamWriter] = []
    refused = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal refused
        if held:
            refused += 1
            writer.close()
            return
        held.append(writer)
        try:
            while True:
                request = await reader.readexactly(12)
                writer.write(request[:4] + b"\x00\x07" + request[6:8] + b"\x04\x00\x64\x00\x65")
        finally:
            held.clear()
            writer.close()

    async with peer(serve) as port:
        ours = Line(connection("tcp", port, keep_open=False))
        owner = Line(connection("tcp", port, keep_open=False))
        for _ in range(2):
            for line in (ours, owner):
                both = await asyncio.gather(*(ask(line, 0, unit=unit) for unit in (1, 2)))
                assert both == [[100, 101], [100, 101]]
                for _ in range(200):
                    if not held:
                        break
                    await asyncio.sleep(0.05)
        assert refused == 0
        assert ours.statistics.connections == 2
        assert ours.statistics.reconnections == 0
        ours.close()
        owner.close()


async def test_device_with_one_connection_that_it_still_believes_in_is_waited_for() -> None:
    """It falls silent without a word, and turns the next connection away until it has given the first one up."""
    asked, turned_away = 0, 0
    held: list[asyncio.StreamWriter] = []
    given_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked, turned_away
        if held and not given_up.is_set():
            turned_away += 1
            writer.close()
            return
        held.append(writer)
        while True:
            request = await reader.readexactly(12)
            asked += 1
            if asked > 2 and len(held) == 1:
                continue
            writer.write(request[:4] + b"\x00\x07" + request[6:8] + b"\x04\x00\x64\x00\x65")

    async with peer(serve) as port:
        line = Line(connection("tcp", port))
        assert [await ask(line, 0) for _ in range(2)] == [[100, 101]] * 2
        assert ["no answer" in await ask(line, 0, timeout=0.1) for _ in range(3)] == [True] * 3
        found = [await ask(line, 0, timeout=0.3) for _ in range(6)]
        assert all(isinstance(one, str) for one in found)
        assert 1 <= turned_away <= 6, "it is hammered"
        given_up.set()
        await until(line, [100, 101])
        line.close()


async def test_late_datagram_is_recognised_by_its_transaction() -> None:
    class Peer(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
            self.transport, self.first = transport, b""

        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            if not self.first:
                self.first = data
                return
            for request in (self.first, data):
                (first,) = struct.unpack(">H", request[8:10])
                self.transport.sendto(request[:4] + b"\x00\x05\x01\x03\x02" + struct.pack(">H", first), address)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    line = Line(connection("udp", transport.get_extra_info("sockname")[1]))
    assert "no answer" in await ask(line, 10, 1, timeout=0.2)
    assert await ask(line, 20, 1) == [20]
    assert line.statistics.units[1].late == 1
    line.close()
    transport.close()


async def test_late_answer_of_a_converter_without_transactions() -> None:
    waiting: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readexactly(8)
            answer = rtu(request[0], b"\x03\x02" + request[2:4])
            if not waiting:
                waiting.append(answer)
                asyncio.get_running_loop().call_later(0.4, writer.write, answer)
            else:
                writer.write(answer)

    async with peer(serve) as port:
        line = Line(connection("rtu_over_tcp", port))
        assert "no answer" in await ask(line, 10, 1, timeout=0.2)
        assert await ask(line, 20, 1) == [20]
        assert line.statistics.units[1].late == 1
        assert line.statistics.connections == 1
        line.close()


async def test_converter_that_hands_serial_frames_through_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(12)
        writer.write(rtu(1, b"\x03\x04\x00\x01\x00\x02"))
        await reader.read()

    async with peer(serve) as port:
        line = Line(connection("tcp", port))
        assert await ask(line, 0) == (
            "what answers does not speak Modbus TCP, but RTU frames: its transport is rtu_over_tcp"
        )
        line.close()


@pytest.mark.parametrize("cut", range(1, 13))
async def test_answer_that_ends_anywhere_gives_no_value(cut: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(12)
        writer.write((request[:4] + b"\x00\x07" + request[6:8] + b"\x04\x00\x64\x00\x65")[:cut])
        await writer.drain()
        writer.close()

    async with peer(serve) as port:
        line = Line(connection("tcp", port))
        assert isinstance(await ask(line, 0), str)
        line.close()


async def test_timeout_follows_what_a_unit_usually_takes() -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 7, 1: 8}
        line = Line(connection("tcp", server.port))
        for _ in range(5):
            assert await ask(line, 0, timeout=30) == [7, 8]
        unit = line.statistics.units[1]
        assert unit.timeout_s == 30
        server.unit(1).silent = True
        assert await ask(line, 0, timeout=0.4) == "no answer within 0.4 s"
        usual = line._round_trips[1].timeout(30)
        assert usual < 30
        assert "no answer" in await ask(line, 0, timeout=30)
        assert unit.timeout_s == pytest.approx(2 * usual)
        line.close()


async def test_why_a_line_does_not_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = Line(connection("tcp", port))
    assert await ask(line, 0) == f"cannot connect to 127.0.0.1:{port}: Connection refused"


async def test_pause_before_each_request() -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 7, 1: 8}
        line = Line(connection("tcp", server.port, pause_s=0.15))
        loop = asyncio.get_running_loop()
        for _ in range(3):
            before = loop.time()
            assert await ask(line, 0) == [7, 8]
            assert loop.time() - before >= 0.15
        line.close()


async def test_operating_system_watches_over_the_connection() -> None:
    async with modbus_server() as server:
        server.unit(1).holding = {0: 7, 1: 8}
        line = Line(connection("tcp", server.port))
        assert await ask(line, 0) == [7, 8]
        client = line._endpoints.client
        assert client is not None
        endpoint = client._client.ctx.transport.get_extra_info("socket")
        assert endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000
        line.close()


SABOTAGE: dict[str, Callable[[bytes], bytes]] = {
    "good": lambda frame: frame,
    "twice": lambda frame: frame + frame,
    "silent": lambda _: b"",
    "truncated": lambda frame: frame[:-1],
    "check sum": lambda frame: frame[:-1] + bytes([frame[-1] ^ 0x10]),
    "behind noise": lambda frame: b"\x01\x03\x04\x00" + frame,
    "noise behind": lambda frame: frame + b"\x01\x03",
    "other unit": lambda frame: rtu(frame[0] + 2, frame[1:-2]),  # one that is never asked: else nobody could tell
    "other function": lambda frame: rtu(frame[0], b"\x04" + frame[2:-2]),
    "other length": lambda frame: rtu(frame[0], b"\x03\x08" + b"\xde\xad" * 4),
    "promises more": lambda frame: rtu(frame[0], b"\x03\xf0" + frame[3:-2]),
    "refuses": lambda frame: rtu(frame[0], b"\x83\x02"),
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2]),
            st.sampled_from([10, 20, 30]),
            st.sampled_from([1, 2, 3]),
            st.sampled_from(sorted(SABOTAGE)),
            st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.08]),
        ),
        min_size=2,
        max_size=8,
    )
)
def test_values_are_their_own_registers_whatever_a_converter_does(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[int, int, int, str, float]]
) -> None:
    monkeypatch.setattr(late, "_LEAST_PATIENCE", 0.0)
    answers = iter(steps)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readexactly(8)
            _, _, _, kind, delay = next(answers, (0, 0, 0, "good", 0.0))
            frame = SABOTAGE[kind](rtu(request[0], body_of(request[0], request[1:6])))
            asyncio.get_running_loop().call_later(delay, writer.write, frame) if delay else writer.write(frame)

    async def run() -> None:
        async with peer(serve) as port:
            line = Line(connection("rtu_over_tcp", port))
            for unit, first, count, _, _ in steps:
                found = await ask(line, first, count, unit=unit, timeout=0.04)
                assert isinstance(found, str) or found == [held(unit, first + at) for at in range(count)]
            line.close()

    asyncio.run(run())
