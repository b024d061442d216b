"""What the births declare: every metric of node and devices, its alias, type and properties."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from uuid import UUID

from vitrine import __version__, uplink
from vitrine.birth_mark import birth_mark
from vitrine.sparkplug import DataType, Metric, PropertyValue
from vitrine_gateway.record import Value
from vitrine_gateway.site import Site, SiteChannel, SiteDevice

#: Node metrics that data messages carry, with their types; the others have no alias, so that any host may name them.
NODE_TYPES: dict[str, DataType] = {
    uplink.EPOCH: DataType.STRING,
    uplink.CONFIGURATION: DataType.STRING,
    uplink.SOFTWARE: DataType.STRING,
    uplink.LOST: DataType.STRING,
    uplink.RECORD: DataType.INT64,
    uplink.QUEUE_DEPTH: DataType.INT64,
    uplink.QUEUE_OLDEST: DataType.DOUBLE,
    uplink.QUEUE_BYTES: DataType.INT64,
    uplink.CLOCK_SOURCE: DataType.STRING,
    uplink.CLOCK_OFFSET: DataType.DOUBLE,
    uplink.DEVICES_FAILING: DataType.STRING,
    uplink.DEVICES: DataType.STRING,
    uplink.RECORDS_LOST: DataType.INT64,
    uplink.CLOCK_STEPS: DataType.INT64,
    uplink.BYTES_WRITTEN: DataType.INT64,
    uplink.DISK_FREE: DataType.INT64,
    uplink.CPU_TEMPERATURE: DataType.DOUBLE,
    uplink.UNDER_VOLTAGE: DataType.BOOLEAN,
    uplink.MEMORY: DataType.INT64,
}


class Catalogue:
    """Aliases of one site, unique over the node and all its devices; one that was given is never given again."""

    def __init__(self, site: Site, epoch: UUID) -> None:
        self._epoch = epoch
        #: Aliases by device, '' for the node, and name.
        self.aliases: dict[tuple[str, str], int] = {}
        #: Types by alias, for data messages.
        self.types: dict[int | str, DataType] = {}
        self._give("", NODE_TYPES)
        self.take(site)

    def take(self, site: Site) -> None:
        """Take the site as it is now; what was declared before keeps its alias."""
        self.site = site
        self.devices = {device.key: device for device in site.devices}
        for device in site.devices:
            self._give(device.key, (*device.channel_keys, uplink.RECORD, uplink.TIME_SOURCE))
            self._mark(device)
        #: Channel → alias of every device that the births declare now.
        self.channels = {
            device.key: {key: self.aliases[device.key, key] for key in device.channel_keys} for device in site.devices
        }

    def _give(self, device: str, names: Iterable[str]) -> None:
        for name in names:
            if (device, name) not in self.aliases:
                alias = len(self.aliases) + 1
                self.aliases[device, name], self.types[alias] = alias, _type_of(device, name)

    def _mark(self, device: SiteDevice) -> None:
        """Let the alias of the record's number tell the births by which a record is written."""
        alias = birth_mark(
            self._epoch, self.node_birth(0, 0, "", {}), device.key, self.device_birth(device, now_ms=0, latest={})
        )
        self.aliases[device.key, uplink.RECORD] = alias
        self.types[alias] = DataType.INT64

    def node_birth(
        self, now_ms: int, bdseq: int, epoch: str, health: dict[str, str | int | float | None]
    ) -> list[Metric]:
        """Return the metrics of NBIRTH."""
        values: dict[str, str | int | float | None] = {
            **dict.fromkeys(NODE_TYPES),
            uplink.EPOCH: epoch,
            uplink.CONFIGURATION: self.site.installation.sha256,
            uplink.SOFTWARE: __version__,
            **health,
        }
        return [
            Metric(name=uplink.BDSEQ, timestamp=now_ms, datatype=DataType.INT64, value=bdseq),
            Metric(name=uplink.REBIRTH, timestamp=now_ms, datatype=DataType.BOOLEAN, value=False),
            Metric(name=uplink.ACK, timestamp=now_ms, datatype=DataType.STRING, value=None),
            *(
                Metric(name=name, alias=self.aliases["", name], timestamp=now_ms, datatype=kind, value=values[name])
                for name, kind in NODE_TYPES.items()
            ),
        ]

    def device_birth(self, device: SiteDevice, now_ms: int, latest: dict[str, Value]) -> list[Metric]:
        """Return the metrics of a DBIRTH, with the latest values where they are known."""
        metrics = []
        for channel in device.channels:
            value = latest.get(channel.key)
            metrics.append(
                Metric(
                    name=channel.key,
                    alias=self.aliases[device.key, channel.key],
                    timestamp=value.time_ms if value else now_ms,
                    datatype=DataType.DOUBLE,
                    value=value.value if value else None,
                    properties=dict(_properties(channel, device)),
                )
            )
        for name, kind in ((uplink.RECORD, DataType.INT64), (uplink.TIME_SOURCE, DataType.STRING)):
            metrics.append(Metric(name=name, alias=self.aliases[device.key, name], timestamp=now_ms, datatype=kind))
        return metrics


def _type_of(device: str, name: str) -> DataType:
    if not device:
        return NODE_TYPES[name]
    return {uplink.RECORD: DataType.INT64, uplink.TIME_SOURCE: DataType.STRING}.get(name, DataType.DOUBLE)


def _properties(channel: SiteChannel, device: SiteDevice) -> Iterator[tuple[str, PropertyValue]]:
    texts = {
        uplink.UNIT: channel.unit,
        uplink.QUANTITY: channel.quantity,
        uplink.NAME_FR: channel.name.fr,
        uplink.NAME_EN: channel.name.en,
        uplink.ACCURACY: channel.accuracy,
        uplink.CALIBRATION: _calibration(channel),
        uplink.RULES: _rules(channel),
        uplink.PROFILE: device.profile.key,
    }
    for name, text in texts.items():
        if text:
            yield name, PropertyValue(DataType.STRING, text)
    yield uplink.DECIMALS, PropertyValue(DataType.INT32, channel.decimals)
    yield uplink.PERIOD, PropertyValue(DataType.DOUBLE, channel.every_s)


def _calibration(channel: SiteChannel) -> str:
    held = channel.calibration
    if held is None:
        return ""
    document = {"date": held.date.isoformat(), "certificate": held.certificate}
    return json.dumps({**document, "due": held.due.isoformat() if held.due else None}, ensure_ascii=False)


def _rules(channel: SiteChannel) -> str:
    rules = {key: value for key, value in asdict(channel.rules).items() if value is not None}
    if set(rules) <= {"flat_line_tolerance"}:
        return ""
    return json.dumps(rules)
