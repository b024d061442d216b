"""What only the platform needs of an installation file: `vitrine catalogue apply FILE`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from vitrine.errors import InstallationError, Problem
from vitrine.i18n import Text
from vitrine.installation import Indicator, Installation
from vitrine.mqtt.central import CentralChannel, CentralSensor
from vitrine.sparkplug import DataType
from vitrine_collector.births import ChannelBirth, MetricBirth
from vitrine_collector.channel_registry import register_channels
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/catalogue.sql")
#: What defines an indicator's values; the rest is words and order, which may change under the same version.
_DEFINING = ("formula", "unit", "inputs", "parameters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What `apply` did."""

    installation_id: int
    #: Keys of indicators with a version that was not there before.
    added: tuple[str, ...]
    #: Keys of indicators that the file no longer declares.
    retired: tuple[str, ...]


def apply(connection: psycopg.Connection, installation: Installation, sensors: Sequence[CentralSensor] = ()) -> Applied:
    """Write an installation's words, indicators and central sensors; applying the same file again changes nothing.

    InstallationError where a formula changed and its version did not: values of two definitions would be mixed.
    """
    with connection.transaction():
        row = connection.execute(_SQL["apply_installation"], _installation(installation)).fetchone()
        assert row is not None
        installation_id: int = row[0]
        with connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_SQL["indicators"], {"installation": installation_id})
            held = {(found["key"], found["version"]): found for found in cursor}
        _check_versions(installation, held)
        current = {key for (key, _), found in held.items() if found["current"]}
        connection.execute(_SQL["retire_indicators"], {"installation": installation_id})
        for position, indicator in enumerate(installation.indicators):
            parameters = _indicator(indicator) | {"installation": installation_id, "position": position}
            connection.execute(_SQL["apply_indicator"], parameters)
        _apply_sensors(connection, installation_id, installation.sha256, sensors)
    declared = {indicator.key for indicator in installation.indicators}
    return Applied(
        installation_id=installation_id,
        added=tuple(item.key for item in installation.indicators if (item.key, item.version) not in held),
        retired=tuple(sorted(current - declared)),
    )


def _apply_sensors(
    connection: psycopg.Connection, installation_id: int, sha256: str, sensors: Sequence[CentralSensor]
) -> None:
    connection.execute(_SQL["retire_sensors"], {"installation": installation_id})
    if not sensors:
        return
    row = connection.execute(_SQL["broker_gateway"], {"installation": installation_id, "sha256": sha256}).fetchone()
    assert row is not None
    gateway_id, now = row[0], datetime.datetime.now(datetime.UTC)
    for sensor in sensors:
        parameters = {"gateway": gateway_id, "key": sensor.key, "profile": sensor.profile}
        found = connection.execute(_SQL["central_device"], parameters).fetchone()
        assert found is not None
        device: int = found[0]
        channels = tuple(_channel_birth(channel, sensor.every_s) for channel in sensor.channels)
        register_channels(connection, installation_id, device, sensor.key, channels, file_sha256=sha256, now=now)
        connection.execute(_SQL["apply_sensor"], {"device": device, "sensor": Jsonb(sensor.to_json())})


def _channel_birth(channel: CentralChannel, every_s: float) -> ChannelBirth:
    return ChannelBirth(
        metric=MetricBirth(name=channel.key, alias=None, datatype=DataType.DOUBLE),
        name=channel.name,
        unit=channel.unit,
        quantity=channel.quantity,
        decimals=channel.decimals,
        period_s=every_s,
        accuracy=channel.accuracy,
        calibration=dict(channel.calibration) if channel.calibration else None,
        rules=channel.rules,
    )


def _check_versions(installation: Installation, held: dict[tuple[str, int], dict[str, object]]) -> None:
    problems = []
    for number, indicator in enumerate(installation.indicators, start=1):
        known = held.get((indicator.key, indicator.version))
        if known is None:
            continue
        new = _definition(indicator)
        changed = [name for name in _DEFINING if known[name] != new[name]]
        if changed:
            newest = max(version for key, version in held if key == indicator.key)
            problems.append(
                Problem(
                    code="version-not-raised",
                    message=f"{', '.join(changed)} of “{indicator.key}” changed, but its version is still "
                    f"{indicator.version}",
                    where=installation.path,
                    key=f"indicator[{number}].version",
                    allowed=f"{newest + 1}, so that values of both definitions stay apart",
                )
            )
    if problems:
        raise InstallationError(
            f"{installation.path or installation.slug} cannot be applied",
            hint="Raise the version of each indicator named.",
            problems=problems,
        )


def _definition(indicator: Indicator) -> dict[str, object]:
    return {
        "formula": indicator.formula,
        "unit": indicator.unit,
        "inputs": indicator.inputs,
        "parameters": {name: list(value) for name, value in indicator.parameters.items()},
    }


def _indicator(indicator: Indicator) -> dict[str, object]:
    definition = _definition(indicator)
    return {
        **definition,
        "inputs": Jsonb(definition["inputs"]),
        "parameters": Jsonb(definition["parameters"]),
        "key": indicator.key,
        "version": indicator.version,
        "name": _text(indicator.name),
        "description": _text(indicator.description),
        "decimals": indicator.decimals,
        "reference": indicator.reference,
    }


def _installation(installation: Installation) -> dict[str, object]:
    return {
        "slug": installation.slug,
        "kind": installation.kind,
        "domain": installation.domain,
        "name": _text(installation.name),
        "description": _text(installation.description),
        "organisation": installation.organisation,
        "organisation_name": installation.organisation_name,
        "municipality": installation.municipality,
        "latitude": installation.latitude,
        "longitude": installation.longitude,
        "licence": installation.licence,
        "simulated": installation.simulated,
        "process": Jsonb(asdict(installation.process)) if installation.process else None,
        "source": installation.source,
        "sha256": installation.sha256,
    }


def _text(text: Text) -> Jsonb:
    return Jsonb(asdict(text))
