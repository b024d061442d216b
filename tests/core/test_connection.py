"""Connections and the proxy in an installation file: each transport's keys, and every mistake at once."""

from pathlib import Path

import pytest

from vitrine.installation import Connection, Proxy, ProxyUnits
from vitrine.installation_file import inspect
from vitrine.installation_lines import line_key

HEAD = """\
[installation]
slug = "essai"
kind = "test_bench"
domain = "water"
name = { fr = "Essai", en = "Trial" }
organisation = "eau-claire"
[gateway]
node = "pi-1"
uplink = { host = "broker.example.org", ca = "/ca.pem" }
"""


def read(
    folder: Path, *connections: str, head: str = ""
) -> tuple[list[Connection], list[tuple[str, str, str]], object]:
    devices = [
        f'[[device]]\nkey = "d{at}"\nprofile = "any"\nconnection = {{ {text} }}\nevery = "1 s"\n'
        for at, text in enumerate(connections)
    ]
    path = folder / "site.toml"
    path.write_text(HEAD + head + "".join(devices), encoding="utf-8")
    installation, problems = inspect(path)
    assert installation is not None
    found = [(problem.code, problem.key, problem.message) for problem in problems]
    return [device.connection for device in installation.devices], found, installation.gateway.proxy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'transport = "tcp", host = "a", timeout = "2 s", pause = "50 ms", keep_open = false',
            {"port": 502, "unit": 1, "timeout_s": 2.0, "pause_s": 0.05, "keep_open": False, "host": "a"},
        ),
        ('transport = "udp", host = "a", port = 1502, unit = 3', {"port": 1502, "unit": 3, "keep_open": True}),
        ('transport = "rtu_over_tcp", host = "a", backup = { host = "b" }', {"backup_host": "b", "backup_port": 502}),
        ('transport = "ascii_over_tcp", host = "a", port = 9, backup = { host = "b", port = 8 }', {"backup_port": 8}),
        (
            'transport = "tls", host = "a", ca = "c", certificate = "d", key = "e", server_name = "f"',
            {"port": 802, "ca": "c", "certificate": "d", "key": "e", "server_name": "f"},
        ),
        ('transport = "rtu", port = "/dev/x", unit = 4', {"serial_port": "/dev/x", "parity": "N", "data_bits": 8}),
        ('transport = "ascii", port = "/dev/x", unit = 4', {"serial_port": "/dev/x", "parity": "E", "data_bits": 7}),
        (
            'transport = "ascii", port = "/dev/x", unit = 4, data_bits = 8, parity = "N"',
            {"data_bits": 8, "parity": "N"},
        ),
    ],
)
def test_each_transport(tmp_path: Path, text: str, expected: dict[str, object]) -> None:
    (connection,), problems, _ = read(tmp_path, text)
    assert not problems
    assert {name: getattr(connection, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ('transport = "tcp", ca = "x"', {("missing-key", "host"), ("unknown-key", "ca")}),
        ('transport = "tcp", host = "a", baudrate = 9600', {("unknown-key", "baudrate")}),
        ('transport = "tls", host = "a", key = "x"', {("missing-key", "certificate")}),
        ('transport = "tls", host = "a", certificate = "x"', {("missing-key", "key")}),
        (
            'transport = "tcp", host = "a", backup = { port = 70000 }',
            {("missing-key", "host"), ("out-of-range", "port")},
        ),
        (
            'transport = "tcp", host = "a", keep_open = "no", pause = "x"',
            {("wrong-type", "keep_open"), ("not-a-duration", "pause")},
        ),
        ('transport = "rtu", port = "/dev/x", unit = 4, data_bits = 7', {("unknown-key", "data_bits")}),
        ('transport = "ascii", port = "/dev/x", unit = 4, data_bits = 9', {("out-of-range", "data_bits")}),
        ('transport = "serial", host = "a"', {("not-allowed", "transport")}),
    ],
)
def test_mistakes(tmp_path: Path, text: str, mistakes: set[tuple[str, str]]) -> None:
    _, problems, _ = read(tmp_path, text)
    assert {(code, key.rpartition(".")[2]) for code, key, _ in problems} == mistakes


RTU = 'transport = "rtu", port = "/dev/ttyUSB0"'


@pytest.mark.parametrize(
    ("first", "second", "keys"),
    [
        (
            f"{RTU}, unit = 1, baudrate = 9600",
            f"{RTU}, unit = 2, baudrate = 19200, parity = 'E'",
            ["baudrate", "parity"],
        ),
        (f"{RTU}, unit = 1", f"{RTU}, unit = 2, stop_bits = 2, pause = '1 s'", ["stop_bits", "pause"]),
        ('transport = "tcp", host = "a"', 'transport = "rtu_over_tcp", host = "a"', ["transport"]),
        ('transport = "tcp", host = "a"', 'transport = "tcp", host = "a", keep_open = false', ["keep_open"]),
        ('transport = "tcp", host = "a"', 'transport = "tcp", host = "a", backup = { host = "b" }', ["backup"]),
        ('transport = "tcp", host = "a", timeout = "9 s"', 'transport = "tcp", host = "a", unit = 9', []),
        ('transport = "tcp", host = "a"', 'transport = "udp", host = "a", pause = "1 s"', []),
        ('transport = "tcp", host = "a"', 'transport = "tcp", host = "a", port = 503, pause = "1 s"', []),
    ],
)
def test_devices_on_one_line_agree_on_it(tmp_path: Path, first: str, second: str, keys: list[str]) -> None:
    _, problems, _ = read(tmp_path, first, second)
    assert [(code, key.rpartition(".")[2]) for code, key, _ in problems] == [("line-conflict", key) for key in keys]
    assert all("“d0”" in message for _, _, message in problems)


def test_two_names_of_one_port_are_one_line(tmp_path: Path) -> None:
    port = tmp_path / "ttyUSB0"
    port.touch()
    (tmp_path / "by-id").symlink_to(port)
    one, other = (Connection(transport="rtu", serial_port=str(tmp_path / name)) for name in ("ttyUSB0", "by-id"))
    assert line_key(one) == line_key(other)


def test_proxy(tmp_path: Path) -> None:
    head = '[gateway.proxy]\naddress = "0.0.0.0"\nmax_clients = 2\nunits = { 3 = "d0", 10-20 = "d0" }\n'
    _, problems, proxy = read(tmp_path, 'transport = "tcp", host = "a"', head=head)
    assert not problems
    units = (ProxyUnits(first=3, last=3, device="d0"), ProxyUnits(first=10, last=20, device="d0"))
    assert proxy == Proxy(address="0.0.0.0", port=1502, max_clients=2, units=units)


@pytest.mark.parametrize(
    ("settings", "mistakes"),
    [
        ("", {("missing-key", "units")}),
        ('units = { 3 = "none" }', {("unknown-device", "3")}),
        ('units = { x = "d0", 300 = "d0", 20-10 = "d0" }', {("not-a-unit", name) for name in ("x", "300", "20-10")}),
        ('units = { 1-5 = "d0", 3 = "d0" }\nclients = 3', {("repeated-key", "3"), ("unknown-key", "clients")}),
        ('units = { 1 = "d1" }', {("unknown-device", "1")}),
    ],
)
def test_mistakes_of_the_proxy(tmp_path: Path, settings: str, mistakes: set[tuple[str, str]]) -> None:
    mqtt = 'transport = "mqtt", host = "a", topic = "b"'
    _, problems, _ = read(tmp_path, 'transport = "tcp", host = "a"', mqtt, head=f"[gateway.proxy]\n{settings}\n")
    assert {(code, key.rpartition(".")[2]) for code, key, _ in problems} == mistakes
