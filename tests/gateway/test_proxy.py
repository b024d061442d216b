"""The owner's own program, a real pymodbus client, reads through the gateway's lines and cannot write."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from vitrine.installation import Connection, Device, Proxy, ProxyUnits
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.modbus.proxy import ModbusProxy
from vitrine_gateway.modbus.turn import Turn

from .modbus_server import Server, modbus_server
from .paced_bus import good, held, paced_bus

pytestmark = pytest.mark.anyio


def device(key: str, connection: Connection) -> Device:
    return Device(key=key, profile="any", connection=connection, every_s=1.0)


def units(first: int, last: int, key: str) -> ProxyUnits:
    return ProxyUnits(first=first, last=last, device=key)


@asynccontextmanager
async def proxy_of(
    line: Line, connection: Connection, *through: ProxyUnits, most: int = 4
) -> AsyncIterator[ModbusProxy]:
    settings = Proxy(port=0, units=through, max_clients=most)
    proxy = ModbusProxy(settings, [device("meter", connection)], lambda key: line if key == "meter" else None)
    task = asyncio.create_task(proxy.run())
    try:
        while not proxy.port:
            await asyncio.sleep(0.01)
        yield proxy
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        line.close()


@asynccontextmanager
async def scada(port: int) -> AsyncIterator[AsyncModbusTcpClient]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=20, retries=0, reconnect_delay=0)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def site(*through: ProxyUnits, most: int = 4) -> AsyncIterator[tuple[Server, ModbusProxy]]:
    async with modbus_server() as server:
        server.unit(7).holding = {at: 700 + at for at in range(20)}
        server.unit(9).input = {0: 9}
        connection = Connection(transport="tcp", host="127.0.0.1", port=server.port, unit=7, timeout_s=0.2)
        async with proxy_of(Line(connection), connection, *through, most=most) as proxy:
            yield server, proxy


async def test_reads_go_through_and_writes_do_not() -> None:
    async with site(units(1, 1, "meter"), units(9, 12, "meter")) as (server, proxy), scada(proxy.port) as client:
        assert (await client.read_holding_registers(3, count=2, device_id=1)).registers == [703, 704]
        assert (await client.read_input_registers(0, count=1, device_id=9)).registers == [9]
        assert (await client.read_holding_registers(50, count=2, device_id=1)).exception_code == 2
        asked = len(server.unit(7).asked)
        for answer in (
            await client.write_register(3, 1, device_id=1),
            await client.write_registers(3, [1, 2], device_id=1),
            await client.write_coil(3, True, device_id=1),
            await client.read_exception_status(device_id=1),
        ):
            assert answer.exception_code == 1
        assert (await client.read_holding_registers(3, count=2, device_id=2)).exception_code == 10
        assert len(server.unit(7).asked) == asked
        assert server.connections == 1
        assert proxy.statistics.refused == 5


@pytest.mark.parametrize(("first", "count", "code"), [(0, 0, 3), (0, 126, 3), (65535, 2, 2)])
async def test_request_that_cannot_be_is_refused_here(first: int, count: int, code: int) -> None:
    async with site(units(1, 1, "meter")) as (server, proxy):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(struct.pack(">HHHBBHH", 5, 0, 6, 1, 3, first, count))
        assert await reader.readexactly(9) == struct.pack(">HHHBBB", 5, 0, 3, 1, 0x83, code)
        assert server.unit(7).asked == []
        writer.close()


async def test_silent_unit_does_not_hold_up_the_line_again_and_again() -> None:
    async with site(units(5, 6, "meter")) as (server, proxy), scada(proxy.port) as client:
        server.unit(5).silent = True
        for _ in range(12):
            assert (await client.read_holding_registers(0, count=1, device_id=5)).exception_code == 11
        assert len(server.unit(5).asked) == 3


async def test_line_that_is_down_and_clients_beyond_the_limit() -> None:
    async with site(units(1, 1, "meter"), most=2) as (_, proxy), scada(proxy.port), scada(proxy.port) as client:
        third = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await third[0].read() == b""
        third[1].close()
        assert proxy.statistics.turned_away == 1
        assert (await client.read_holding_registers(3, count=1, device_id=1)).registers == [703]


async def test_serial_line_is_shared_while_the_gateway_reads_it() -> None:
    async with paced_bus(19200, {1: good, 2: good}) as bus:
        connection = Connection(transport="rtu", serial_port=bus.port, baudrate=19200, unit=1)
        line = Line(connection)
        async with proxy_of(line, connection, units(1, 2, "meter")) as proxy, scada(proxy.port) as client:

            async def own() -> None:
                for first in range(10):
                    words, _ = await line.read(Request("holding", first, 3, ()), 1, 5.0)
                    assert words == [held(1, first + at) for at in range(3)]

            async def theirs() -> None:
                for first in range(50, 60):
                    answer = await client.read_holding_registers(first, count=3, device_id=2)
                    assert answer.registers == [held(2, first + at) for at in range(3)]

            await asyncio.gather(own(), own(), theirs())


async def test_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Proxy(port=taken.getsockname()[1], units=())
        proxy = ModbusProxy(settings, [], lambda _: None)
        task = asyncio.create_task(proxy.run())
        while not proxy.failure:
            await asyncio.sleep(0.01)
        assert f"cannot listen on 127.0.0.1:{settings.port}" in proxy.failure
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_turns() -> None:
    """Guests come after own requests, and are not shut out by them; a place that is given up blocks nobody."""
    turn, order = Turn(), []

    async def take(name: str, *, own: bool) -> None:
        async with turn.taken(own=own):
            order.append(name)
            await asyncio.sleep(0)

    async with turn.taken(own=True):
        tasks = [asyncio.create_task(take(f"guest{at}", own=False)) for at in range(2)]
        tasks += [asyncio.create_task(take(f"own{at}", own=True)) for at in range(7)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["own0", "own2", "own3", "own4", "guest0", "own5", "own6", "guest1"]
    assert turn.idle


async def test_the_installation_file_starts_it(tmp_path: Path) -> None:
    from vitrine_gateway.agent import Agent

    from .sites import device as device_of
    from .sites import site as site_of
    from .sites import tcp, write_profile

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with modbus_server() as server:
        server.unit(1).holding = {0: 5, 1: 6}
        write_profile(tmp_path, ("a", 0, "uint16", "holding"))
        proxy = f'[gateway.proxy]\nport = {port}\nunits = {{ 3 = "d" }}\n'
        agent = Agent(site_of(tmp_path, proxy, device_of("d", tcp(server.port))), tmp_path)
        stop = asyncio.Event()
        running = asyncio.create_task(agent.run(stop))
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=20, retries=0, reconnect_delay=0)
        while not await client.connect():
            await asyncio.sleep(0.05)
        assert (await client.read_holding_registers(0, count=2, device_id=3)).registers == [5, 6]
        client.close()
        stop.set()
        await running
