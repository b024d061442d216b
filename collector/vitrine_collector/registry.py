"""The catalogue as births make it: installation, gateway, devices, and what changed in them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from vitrine.ranges import Ranges
from vitrine_collector.births import DeviceBirth, NodeBirth
from vitrine_collector.channel_registry import Channels, register_channels
from vitrine_collector.rebirths import Node
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/registry.sql")
_HEALTH = Queries("vitrine_collector", "queries/commit.sql")["update_health"]


@dataclass(frozen=True, slots=True)
class Registered:
    """A node's rows."""

    gateway_id: int
    installation_id: int


def register_node(
    connection: psycopg.Connection, node: Node, birth: NodeBirth, payload: bytes, now: datetime.datetime
) -> Registered:
    """Note a node's birth; its devices are offline until theirs. An unknown installation gets a bare row."""
    group, name = node
    with connection.transaction():
        known = _known_gateway(connection, node)
        connection.execute(_SQL["add_installation"], {"slug": group, "name": Jsonb({"fr": group, "en": group})})
        row = connection.execute(
            _SQL["register_gateway"],
            {
                "slug": group,
                "node": name,
                "bd_seq": birth.bd_seq,
                "epoch": birth.epoch,
                "software": birth.software,
                "sha256": birth.file_sha256,
                "now": now,
            },
        ).fetchone()
        assert row is not None
        registered = Registered(gateway_id=row[0], installation_id=row[1])
        connection.execute(_SQL["devices_offline"], {"gateway": registered.gateway_id, "time": now})
        _keep(connection, registered.gateway_id, "", payload, now)
        forgetting = {"gateway": registered.gateway_id, "slug": group, "node": name, "now": now}
        connection.execute(_SQL["forget_births"], forgetting)
        now_said = {"configuration": birth.file_sha256, "software": birth.software, "queue": _text(birth.epoch)}
        for kind, before in known.items():
            _note(connection, registered.gateway_id, "", kind, before, now_said[kind], now)
        if birth.health:
            connection.execute(_HEALTH, {"gateway": registered.gateway_id, "health": Jsonb(birth.health)})
    return registered


def register_device(
    connection: psycopg.Connection,
    gateway: Registered,
    key: str,
    birth: DeviceBirth,
    payload: bytes,
    *,
    file_sha256: str,
    now: datetime.datetime,
) -> Channels:
    """Note a device's birth: new channels are made, changes of known ones are written down."""
    with connection.transaction():
        of_device = {"gateway": gateway.gateway_id, "key": key}
        before = connection.execute(_SQL["instrument"], of_device).fetchone()
        if before is not None:
            after = _instrument(birth.profile, birth.identity)
            _note(connection, gateway.gateway_id, key, "instrument", _instrument(*before), after, now)
        row = connection.execute(
            _SQL["register_device"],
            {**of_device, "profile": birth.profile, "identity": Jsonb(birth.identity), "now": now},
        ).fetchone()
        assert row is not None
        device_id: int = row[0]
        _keep(connection, gateway.gateway_id, key, payload, now)
        return register_channels(
            connection, gateway.installation_id, device_id, key, birth.channels, file_sha256=file_sha256, now=now
        )


def _known_gateway(connection: psycopg.Connection, node: Node) -> dict[str, str]:
    """Return what a node said of itself before, by the kind of event that another word is; nothing for a new one."""
    row = connection.execute(_SQL["gateway_before"], {"slug": node[0], "node": node[1]}).fetchone()
    return {} if row is None else dict(zip(("configuration", "software", "queue"), map(_text, row), strict=True))


def _instrument(profile: str, identity: dict[str, str | int]) -> dict[str, str | int]:
    return {**identity, "profile": profile} if profile else dict(identity)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _note(
    connection: psycopg.Connection,
    gateway: int,
    device: str,
    kind: str,
    before: object,
    after: object,
    now: datetime.datetime,
) -> None:
    """Write an event down where something is said otherwise than before; what was never said is none."""
    if before and before != after:
        values = {"gateway": gateway, "device": device, "kind": kind, "time": now}
        connection.execute(_SQL["add_event"], {**values, "before": Jsonb(before), "after": Jsonb(after)})


def _keep(connection: psycopg.Connection, gateway: int, device: str, payload: bytes, now: datetime.datetime) -> None:
    connection.execute(_SQL["add_birth"], {"gateway": gateway, "device": device, "payload": payload, "now": now})


def node_died(connection: psycopg.Connection, gateway_id: int, now: datetime.datetime) -> None:
    """Note that a node and all its devices are offline."""
    with connection.transaction():
        connection.execute(_SQL["gateway_offline"], {"gateway": gateway_id, "now": now})
        connection.execute(_SQL["devices_offline"], {"gateway": gateway_id, "time": now})


def device_died(connection: psycopg.Connection, gateway_id: int, key: str, time: datetime.datetime) -> None:
    """Note that one device is offline."""
    connection.execute(_SQL["device_offline"], {"gateway": gateway_id, "key": key, "time": time})


def resumed(connection: psycopg.Connection, gateway_id: int, key: str) -> None:
    """Note that a device speaks, and so does its node, by births that were kept."""
    with connection.transaction():
        connection.execute(_SQL["gateway_online"], {"gateway": gateway_id})
        connection.execute(_SQL["device_online"], {"gateway": gateway_id, "key": key})


def held_records(connection: psycopg.Connection, gateway_id: int, epoch: UUID) -> Ranges:
    """Return the records of a queue that are in the database."""
    return Ranges(connection.execute(_SQL["held_records"], {"gateway": gateway_id, "epoch": epoch}).fetchall())


def sends_again(connection: psycopg.Connection, node: Node) -> bool:
    """Tell whether a node is known to keep its records until they are acknowledged."""
    return connection.execute(_SQL["has_epoch"], {"slug": node[0], "node": node[1]}).fetchone() == (True,)
