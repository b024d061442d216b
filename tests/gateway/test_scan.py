"""Looking for instruments on real lines: who answers is found, who is known is named, and nothing is written."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection
from vitrine_gateway.commands import gateway
from vitrine_gateway.proposal import proposal
from vitrine_gateway.scan import Found, hosts_of, identities, scan_line
from vitrine_gateway.site import inspect_site

from .modbus_server import Server, Unit, modbus_server, serial_line

EM340 = {0x0B: 341}


async def _found(connection: Connection, units: range) -> list[Found]:
    return [one async for _, one in scan_line(connection, units) if one is not None]


def fill(units: dict[int, Unit]) -> None:
    units[2] = Unit(input=EM340, said=(b"Carlo Gavazzi", b"EM340", b"B.2"), piecewise=True)
    units[5] = Unit(holding={0: 1}, said=(b"Maker", b"P-5", b"1.0"))
    units[7] = Unit(silent=True)
    units[9] = Unit(holding={600: 0x2A, 602: 24})


def check_found(found: list[Found], units: dict[int, Unit]) -> None:
    named = {one.connection.unit: one.profiles for one in found}
    assert named == {2: ("carlo-gavazzi-em340",), 5: (), 9: ("siemens-mag6000",)}
    told = {one.connection.unit: one.told for one in found}
    assert told[5] == "Maker P-5 1.0"
    assert told[2].endswith(", Carlo Gavazzi EM340 B.2")
    assert {function for unit in units.values() for function, _, _ in unit.asked} <= {3, 4}


def test_network() -> None:
    async def both() -> tuple[list[Found], dict[int, Unit]]:
        async with modbus_server() as server:
            fill(server.units)
            for number in range(1, 11):
                server.units.setdefault(number, Unit(silent=True))
            connection = Connection(transport="tcp", host="127.0.0.1", port=server.port, timeout_s=0.3)
            return await _found(connection, range(1, 11)), server.units

    check_found(*asyncio.run(both()))


def test_serial_line() -> None:
    units: dict[int, Unit] = {}
    fill(units)
    with serial_line(units) as port:
        connection = Connection(transport="rtu", serial_port=port, baudrate=115200, timeout_s=0.3)
        found = asyncio.run(_found(connection, range(1, 11)))
    check_found(found, units)


def test_line_that_is_not_there_gives_nothing() -> None:
    connection = Connection(transport="rtu", serial_port="/dev/no-such-port", timeout_s=0.1)
    assert asyncio.run(_found(connection, range(1, 3))) == []


@pytest.mark.parametrize(
    ("text", "count"), [("pump.example.org", 1), ("192.168.1.7", 1), ("192.168.1.0/29", 6), ("10.0.0.0/20", 4094)]
)
def test_hosts(text: str, count: int) -> None:
    assert len(hosts_of(text)) == count


@pytest.mark.parametrize("text", ["10.0.0.0/8", "300.1.1.0/24", "10.0.0.0/40"])
def test_a_network_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigurationError):
        hosts_of(text)


def test_the_proposal_wants_nothing_but_names(tmp_path: Path) -> None:
    found = [
        Found(Connection(transport="tcp", host="10.0.0.5", port=502, unit=2), ("carlo-gavazzi-em340",), "code"),
        Found(Connection(transport="rtu", serial_port="/dev/ttyUSB0", baudrate=19200, parity="E", unit=3), ()),
    ]
    path = tmp_path / "site.toml"
    path.write_text(proposal(found))
    _, problems = inspect_site(path)
    assert {problem.key for problem in problems} == {
        "installation.slug",
        "installation.organisation",
        "device[2].profile",
    }


@contextmanager
def served() -> Iterator[Server]:
    loop, ready, made, stop = asyncio.new_event_loop(), threading.Event(), [], asyncio.Event()

    async def serve() -> None:
        async with modbus_server() as server:
            server.unit(2).input = EM340
            server.unit(1).silent = True
            made.append(server)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def test_the_command(tmp_path: Path) -> None:
    with served() as server:
        arguments = ["scan", "127.0.0.1", "--port", str(server.port), "--units", "1-2", "--timeout", "0.3"]
        output = tmp_path / "site.toml"
        told = CliRunner().invoke(gateway, [*arguments, "--output", str(output)], env={"LC_ALL": "en"})
    assert told.exit_code == 0, told.output
    assert "#2: carlo-gavazzi-em340" in told.stdout
    assert "1 instruments found" in told.stdout
    assert "carlo-gavazzi-em340" in output.read_text()


@pytest.mark.parametrize("units", ["x", "1-", "0-999", ""])
def test_units_that_cannot_be(units: str) -> None:
    assert CliRunner().invoke(gateway, ["scan", "127.0.0.1", "--units", units]).exit_code == 2


def test_weak_identity_gives_way_to_a_sure_one() -> None:
    """At 120 V the first register of an EM340 begins like a WXT536's, whose identity is half a register."""
    weather = Unit(input={0: 0x0604})
    meter = Unit(input={0: 0x04B0, **EM340})
    busy = Unit(input={0: 0x0604}, says=[6] * 200)
    with serial_line({1: weather, 2: meter, 3: busy}) as port:
        connection = Connection(transport="rtu", serial_port=port, baudrate=115200, timeout_s=0.3)
        found = asyncio.run(_found(connection, range(1, 4)))
    assert [one.profiles for one in found] == [("vaisala-wxt530",), ("carlo-gavazzi-em340",), ()]


@pytest.mark.parametrize("name", sorted(identities()))
def test_identity_is_sure_or_known_to_be_weak(name: str) -> None:
    assert identities()[name].chance < 1e-3 or name == "vaisala-wxt530"
