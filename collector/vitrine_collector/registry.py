"""The catalogue as births make it: installation, gateway, devices, channels, and what changed in them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from vitrine.ranges import Ranges
from vitrine_collector.births import ChannelBirth, DeviceBirth, NodeBirth
from vitrine_collector.rebirths import Node
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/registry.sql")
_HEALTH = Queries("vitrine_collector", "queries/commit.sql")["update_health"]
#: Columns of a channel that a birth may change.
_FIELDS = ("name", "unit", "quantity", "decimals", "period_s", "accuracy", "calibration", "rules")


@dataclass(frozen=True, slots=True)
class Registered:
    """A node's rows."""

    gateway_id: int
    installation_id: int


@dataclass(frozen=True, slots=True)
class Channels:
    """A device's channels by metric name, and whether a birth changed one that was there."""

    ids: dict[str, int]
    changed: bool


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
        return register_channels(connection, gateway, device_id, key, birth.channels, file_sha256=file_sha256, now=now)


def register_channels(
    connection: psycopg.Connection,
    gateway: Registered,
    device_id: int,
    key: str,
    channels: tuple[ChannelBirth, ...],
    *,
    file_sha256: str,
    now: datetime.datetime,
) -> Channels:
    """Note the channels of a device: new ones are made, changes of known ones are written down."""
    with connection.cursor(row_factory=dict_row) as cursor:
        known = {found["key"]: found for found in cursor.execute(_SQL["channels"], {"device": device_id})}
    ids, changed = {}, False
    for channel in channels:
        fields = _fields(channel)
        held = known.get(channel.metric.name)
        if held is None:
            ids[channel.metric.name] = _add(connection, gateway, device_id, key, channel, fields)
            continue
        if held["unit"] != fields["unit"] and _has_values(connection, held["channel_id"]):
            # One channel has one unit for ever: values of another unit begin another channel, under the same path.
            changed = True
            ids[channel.metric.name] = _replace(connection, gateway, device_id, key, channel, held, file_sha256, now)
            continue
        ids[channel.metric.name] = held["channel_id"]
        differences = {name: value for name, value in fields.items() if held[name] != value}
        if differences:
            changed = True
            _change(connection, held, fields, differences, file_sha256, now)
    return Channels(ids, changed)


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


def _fields(channel: ChannelBirth) -> dict[str, object]:
    return {
        "name": channel.name,
        "unit": channel.unit,
        "quantity": channel.quantity,
        "decimals": channel.decimals,
        "period_s": channel.period_s,
        "accuracy": channel.accuracy,
        "calibration": channel.calibration,
        "rules": channel.rules,
    }


def _add(
    connection: psycopg.Connection,
    gateway: Registered,
    device_id: int,
    device: str,
    channel: ChannelBirth,
    fields: dict[str, object],
) -> int:
    key = channel.metric.name
    row = connection.execute(
        _SQL["add_channel"],
        {
            "installation": gateway.installation_id,
            "device": device_id,
            "key": key,
            "path": f"{device}/{key}",
            **_adapted(fields),
        },
    ).fetchone()
    assert row is not None
    channel_id: int = row[0]
    return channel_id


def _has_values(connection: psycopg.Connection, channel_id: int) -> bool:
    return connection.execute(_SQL["has_values"], {"channel": channel_id}).fetchone() == (True,)


def _replace(
    connection: psycopg.Connection,
    gateway: Registered,
    device_id: int,
    device: str,
    channel: ChannelBirth,
    held: dict[str, object],
    file_sha256: str,
    now: datetime.datetime,
) -> int:
    """Put the channel of the old unit aside as `key@unit`; return the one of the new unit, which may be an old one."""
    key, fields = channel.metric.name, _fields(channel)
    aside = {"device": device_id, "key": f"{key}@{held['unit']}", "path": f"{device}/{key}@{held['unit']}"}
    connection.execute(_SQL["rename_channel"], {**aside, "channel": held["channel_id"]})
    wanted = {"device": device_id, "key": f"{key}@{channel.unit}"}
    row = connection.execute(_SQL["channel_of_key"], wanted).fetchone()
    if row is None:
        channel_id = _add(connection, gateway, device_id, device, channel, fields)
    else:
        channel_id = row[0]
        connection.execute(_SQL["rename_channel"], {"channel": channel_id, "key": key, "path": f"{device}/{key}"})
    _change(connection, {**held, "channel_id": channel_id}, fields, {"unit": channel.unit}, file_sha256, now)
    return channel_id


def _change(
    connection: psycopg.Connection,
    held: dict[str, object],
    fields: dict[str, object],
    differences: dict[str, object],
    file_sha256: str,
    now: datetime.datetime,
) -> None:
    connection.execute(_SQL["change_channel"], {"channel": held["channel_id"], **_adapted(fields)})
    with connection.cursor() as cursor:
        cursor.executemany(
            _SQL["add_change"],
            [
                {
                    "channel": held["channel_id"],
                    "time": now,
                    "field": name,
                    "before": Jsonb(held[name]),
                    "after": Jsonb(value),
                    "sha256": file_sha256 or None,
                }
                for name, value in differences.items()
            ],
        )


def _adapted(fields: dict[str, object]) -> dict[str, object]:
    return {key: Jsonb(value) if isinstance(value, dict) else value for key, value in fields.items()}
