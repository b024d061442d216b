"""Installation files for tests."""

from pathlib import Path

from vitrine_gateway.site import Site, load_site

HEAD = """
[installation]
slug = "essai"
kind = "test_bench"
domain = "water"
name = {{ fr = "Essai", en = "Trial" }}
organisation = "eau-claire"
[gateway]
node = "pi-1"
uplink = {{ host = "127.0.0.1", port = {port} }}
queue = {{ flush = "100 ms" }}
"""
PROFILE = """
manufacturer = "Maker"
model = "M1"
name = { fr = "Appareil", en = "Instrument" }
protocol = "modbus"
[[source]]
document = "Manual"
evidence = "manual"
[modbus]
order = "ABCD"
max_registers = 20
"""
CHANNEL = """
[[channel]]
key = "{key}"
name = {{ fr = "Débit", en = "Flow" }}
unit = "m3/h"
quantity = "volume_flow"
decimals = 2
table = "{table}"
address = {address}
type = "{type}"
"""
IDENTITY = """
[[identity]]
table = "holding"
address = 11
type = "uint16"
values = [341]
meaning = { fr = "code", en = "code" }
"""


def tcp(port: int, unit: int = 1, timeout: str = "300 ms") -> str:
    return f'{{ transport = "tcp", host = "127.0.0.1", port = {port}, unit = {unit}, timeout = "{timeout}" }}'


def device(key: str, connection: str, *, profile: str = "own.toml", every: str = "100 ms", more: str = "") -> str:
    return f'[[device]]\nkey = "{key}"\nprofile = "{profile}"\nconnection = {connection}\nevery = "{every}"\n{more}\n'


def write_profile(folder: Path, *places: tuple[str, int, str, str], identity: bool = False) -> None:
    text = PROFILE + (IDENTITY if identity else "")
    for key, address, kind, table in places:
        text += CHANNEL.format(key=key, address=address, type=kind, table=table)
    (folder / "own.toml").write_text(text)


def write_site(folder: Path, *devices: str, port: int = 1) -> Path:
    path = folder / "site.toml"
    path.write_text(HEAD.format(port=port) + "\n".join(devices))
    return path


def site(folder: Path, *devices: str, port: int = 1) -> Site:
    return load_site(write_site(folder, *devices, port=port))
