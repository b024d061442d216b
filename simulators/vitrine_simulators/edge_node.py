"""A whole installation as the edge node of another maker: it publishes Sparkplug B to its uplink without a gateway.

Its records have no number and wait for no acknowledgement: what the broker or the host loses is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from vitrine.installation import Connection, Installation
from vitrine_simulators.binding import Bound, bind
from vitrine_simulators.plants import Source
from vitrine_simulators.sparkplug_node import NodeDevice, NodeMetric, SparkplugNode


def edge_node(installation: Installation, source: Source, now: Callable[[], float] = time.time) -> SparkplugNode:
    """Return the node of an installation, with its devices, channels and the units of the site."""
    uplink = installation.gateway.uplink
    connection = Connection(
        transport="mqtt",
        host=uplink.host,
        port=uplink.port,
        tls=uplink.tls,
        ca=uplink.ca,
        certificate=uplink.certificate,
        key=uplink.key,
        username=uplink.username,
        password_file=uplink.password_file,
    )
    devices = [_device(bound, source) for bound in bind(installation, source.signals)]
    return SparkplugNode(connection, installation.slug, installation.gateway.node, devices, now)


def _device(bound: Bound, source: Source) -> NodeDevice:
    device, profile = bound.device, bound.profile
    units = {channel.key: channel.unit for channel in profile.channels}
    units |= {channel.key: channel.unit for channel in device.channels if channel.unit}

    def read(key: str, now: float) -> float:
        value = source.read(f"{device.key}/{key}", now)
        for scale, shift in (bound.to_profile[key], bound.to_site[key]):
            value = value * scale + shift
        return value

    metrics = tuple(NodeMetric(key, key, units[key]) for key in bound.to_profile)
    return NodeDevice(device.key, metrics, read, device.every_s)
