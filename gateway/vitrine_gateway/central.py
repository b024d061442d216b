"""Sensors of an installation that publish to the platform's own broker: what a collector is told of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from vitrine.mqtt.central import CentralChannel, CentralSensor
from vitrine_gateway.profiles.address import Address, address_of
from vitrine_gateway.site import SiteChannel, SiteDevice, load_site


def sensors_of(path: str) -> tuple[CentralSensor, ...]:
    """Return the central sensors of an installation file; InstallationError tells every mistake."""
    return tuple(map(_sensor, load_site(Path(path)).central))


def _sensor(one: SiteDevice) -> CentralSensor:
    device, part = one.device, one.profile.mqtt
    address = address_of(device, one.profile, lambda *_: None)
    return CentralSensor(
        key=device.key,
        profile=one.profile.key,
        every_s=device.every_s,
        time=None if device.connection.time == "arrival" else part.time,
        zone=device.connection.zone,
        availability=tuple(
            replace(availability, topic=topic)
            for availability, topic in zip(part.availability, address.availability, strict=True)
        ),
        channels=tuple(_channel(channel, address) for channel in one.channels),
    )


def _channel(channel: SiteChannel, address: Address) -> CentralChannel:
    topic, path = address.places[channel.key]
    calibration = channel.calibration
    return CentralChannel(
        key=channel.key,
        topic=topic,
        place=replace(channel.source.mqtt, topic="", path=path),
        source_unit=channel.source.unit,
        scale=channel.source.scale,
        offset=channel.source.offset,
        invalid=tuple(channel.source.invalid),
        factor=channel.scale,
        shift=channel.shift,
        unit=channel.unit,
        name=asdict(channel.name),
        quantity=channel.quantity,
        decimals=channel.decimals,
        accuracy=channel.accuracy,
        calibration=None
        if calibration is None
        else {
            "date": calibration.date.isoformat(),
            "due": calibration.due.isoformat() if calibration.due else None,
            "certificate": calibration.certificate,
        },
        rules={key: value for key, value in asdict(channel.rules).items() if value is not None},
    )
