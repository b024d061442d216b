"""What a site asks of its lines: bytes and times by the standard, and whether a line keeps up."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine.installation import Connection
from vitrine_gateway.commands import gateway
from vitrine_gateway.modbus.load import loads
from vitrine_gateway.modbus.plan import Cost, character_s

from .sites import device, site, tcp, write_profile, write_site


def rtu(unit: int, baudrate: int = 9600, transport: str = "rtu") -> str:
    return f'{{ transport = "{transport}", port = "/dev/ttyUSB0", baudrate = {baudrate}, unit = {unit} }}'


@pytest.mark.parametrize(
    ("parity", "stop_bits", "bits"), [("N", 1, 10), ("E", 1, 11), ("O", 1, 11), ("N", 2, 11), ("E", 2, 12)]
)
def test_bits_of_a_character(parity: str, stop_bits: int, bits: int) -> None:
    connection = Connection(transport="rtu", baudrate=9600, parity=parity, stop_bits=stop_bits)  # type: ignore[arg-type]
    assert character_s(connection) == pytest.approx(bits / 9600)


@pytest.mark.parametrize(
    ("connection", "asked", "answered"),
    [
        (tcp(502), 12, 9 + 2 * 4),
        (rtu(1), 8, 5 + 2 * 4),
        (rtu(1, transport="ascii"), 17, 11 + 4 * 4),
        ('{ transport = "rtu_over_tcp", host = "127.0.0.1", unit = 1 }', 8, 5 + 2 * 4),
    ],
)
def test_bytes_of_a_request(tmp_path: Path, connection: str, asked: int, answered: int) -> None:
    write_profile(tmp_path, ("a", 0, "float32", "input"), ("b", 2, "float32", "input"))
    (line,) = loads(site(tmp_path, device("one", connection)))
    (request,) = line.devices[0].requests
    assert (request.asked, request.answered, request.registers, request.channels) == (asked, answered, 4, ("a", "b"))


def test_time_on_the_wire(tmp_path: Path) -> None:
    write_profile(tmp_path, ("a", 0, "float32", "input"))
    (line,) = loads(site(tmp_path, device("one", rtu(1, 9600), every="1 s")))
    # 8 + 5 + 4 bytes and twice 3.5 characters of silence, 10 bits each, and 5 ms for the instrument
    assert line.devices[0].seconds == pytest.approx((8 + 5 + 4 + 7) * 10 / 9600 + 0.005)
    assert line.serial


def test_devices_of_a_bus_share_its_time_and_a_full_one_says_what_would_do(tmp_path: Path) -> None:
    write_profile(tmp_path, ("a", 0, "float32", "input"))
    few = [device(f"d{unit}", rtu(unit, 1200), every="1 s") for unit in (1, 2)]
    (line,) = loads(site(tmp_path, *few))
    assert line.keeps_up
    assert line.slower == 1
    (line,) = loads(site(tmp_path, *few, *(device(f"d{unit}", rtu(unit, 1200), every="1 s") for unit in (3, 4, 5))))
    assert not line.keeps_up
    assert line.share / line.slower == pytest.approx(0.8)


def test_pause_of_a_slow_converter_counts(tmp_path: Path) -> None:
    connection = Connection(transport="rtu", baudrate=9600, pause_s=0.5)
    assert Cost.of(connection).request - Cost.of(Connection(transport="rtu")).request == pytest.approx(0.5)


@pytest.mark.parametrize(("language", "words"), [("fr_CA.UTF-8", "elle ne suit pas"), ("en", "does not keep up")])
def test_the_command(tmp_path: Path, language: str, words: str) -> None:
    write_profile(tmp_path, ("a", 0, "float32", "input"))
    path = write_site(tmp_path, device("one", rtu(1, 300), every="100 ms"))
    told = CliRunner().invoke(gateway, ["plan", str(path)], env={"LC_ALL": language})
    assert told.exit_code == 1
    assert words in told.stdout
    (line,) = json.loads(CliRunner().invoke(gateway, ["plan", str(path), "--json"]).stdout)
    assert line["devices"][0]["requests"][0]["registers"] == 2
    assert not line["keeps_up"]
