"""The channels of a device as its births declare them: new ones, changes of known ones, a unit for each for ever."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from vitrine_collector.births import ChannelBirth
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/registry.sql")


@dataclass(frozen=True, slots=True)
class Channels:
    """A device's channels by metric name, and whether a birth changed one that was there."""

    ids: dict[str, int]
    changed: bool


def register_channels(
    connection: psycopg.Connection,
    installation_id: int,
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
            ids[channel.metric.name] = _add(connection, installation_id, device_id, key, channel, fields)
            continue
        if held["unit"] != fields["unit"] and _has_values(connection, held["channel_id"]):
            # One channel has one unit for ever: values of another unit begin another channel, under the same path.
            changed = True
            ids[channel.metric.name] = _replace(
                connection, installation_id, device_id, key, channel, held, file_sha256, now
            )
            continue
        ids[channel.metric.name] = held["channel_id"]
        differences = {name: value for name, value in fields.items() if held[name] != value}
        if differences:
            changed = True
            _change(connection, held, fields, differences, file_sha256, now)
    return Channels(ids, changed)


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
    installation_id: int,
    device_id: int,
    device: str,
    channel: ChannelBirth,
    fields: dict[str, object],
) -> int:
    key = channel.metric.name
    row = connection.execute(
        _SQL["add_channel"],
        {
            "installation": installation_id,
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
    installation_id: int,
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
        channel_id = _add(connection, installation_id, device_id, device, channel, fields)
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
