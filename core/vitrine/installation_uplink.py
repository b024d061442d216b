"""Reading ``[gateway.uplink]`` of an installation file: the broker, its credentials, and how records are delivered."""

from __future__ import annotations

import re

from vitrine.installation import Confirmation, MqttVersion, Uplink
from vitrine.table_reader import TableReader

_LEVEL = re.compile(r"[^+/#\s]+")
_SERVER = re.compile(r"(?P<host>[^\s:/]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
_PORT = 8883
_DEFAULT = Uplink(host="", port=_PORT)
_VERSIONS: dict[str, MqttVersion] = {"3.1.1": "3.1.1", "5": "5"}
_CONFIRMATIONS: dict[str, Confirmation] = {"host": "host", "broker": "broker"}


def read_uplink(table: TableReader) -> Uplink:
    """Read where and how a gateway sends."""
    ca, certificate = table.text("ca"), table.text("certificate")
    uplink = Uplink(
        host=table.text("host", required=True),
        port=table.integer("port", low=1, high=65535, default=_PORT),
        fallback=_read_fallback(table),
        tls=_read_tls(table, named=bool(ca or certificate)),
        ca=ca,
        certificate=certificate,
        key=table.text("key"),
        username=table.text("username"),
        password_file=table.text("password_file"),
        mqtt=_VERSIONS[table.choice("mqtt", _VERSIONS, default="3.1.1")],
        keepalive_s=_read_keepalive(table),
        delivery=_CONFIRMATIONS[table.choice("delivery", _CONFIRMATIONS, default="host")],
        primary_host=_read_primary_host(table),
        drain=table.number("drain", low=1, high=100_000, default=_DEFAULT.drain),
        drain_delay_s=table.duration("drain_delay", default=_DEFAULT.drain_delay_s),
        window=table.integer("window", low=10, high=20_000, default=_DEFAULT.window),
    )
    _check_pairs(table, uplink)
    table.finish()
    return uplink


def _read_tls(table: TableReader, *, named: bool) -> bool:
    wanted = table.take("tls", bool)
    if wanted is False and named:
        table.note(
            "contradiction", "tls", "certificates are named and tls is false", "true, or neither ca nor certificate"
        )
    return named if wanted is None else wanted


def _read_keepalive(table: TableReader) -> float:
    keepalive = table.duration("keepalive", default=_DEFAULT.keepalive_s)
    if not 1 <= keepalive <= 3600:
        table.note("out-of-range", "keepalive", f"{keepalive:g} s is outside its limits", "from 1 s to 1 h")
        return _DEFAULT.keepalive_s
    return keepalive


def _read_primary_host(table: TableReader) -> str:
    name = table.text("primary_host")
    if name and not _LEVEL.fullmatch(name):
        table.note("not-a-node", "primary_host", f"“{name}” cannot be an MQTT topic level", "no space, +, / or #")
    return name


def _read_fallback(table: TableReader) -> tuple[tuple[str, int], ...]:
    servers = []
    for item in table.take("fallback", list) or []:
        match = _SERVER.fullmatch(item) if isinstance(item, str) else None
        port = int(match["port"] or _PORT) if match else 0
        if match is None or not 1 <= port <= 65535:
            table.note("not-a-server", "fallback", f"“{item}” is not the address of a broker", '["host:8883", …]')
            continue
        servers.append((match["host"].strip("[]"), port))
    return tuple(servers)


def _check_pairs(table: TableReader, uplink: Uplink) -> None:
    if uplink.key and not uplink.certificate:
        table.note(
            "missing-key", "certificate", "a private key is named without its certificate", "name both, or neither"
        )
    if uplink.username and not uplink.password_file:
        table.note(
            "missing-key",
            "password_file",
            "a user name is given without a password file",
            "path of a file that holds the password",
        )
