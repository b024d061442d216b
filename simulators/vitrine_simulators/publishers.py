"""Which publisher speaks for a sensor: plain JSON, Zigbee2MQTT, Home Assistant, or a Sparkplug node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from vitrine.units import UNITS
from vitrine_gateway.profiles.address import address_of
from vitrine_simulators.binding import Bound
from vitrine_simulators.home_assistant import AnnouncedDevice
from vitrine_simulators.mqtt_publisher import Publisher
from vitrine_simulators.sensors import JsonSensor, Read, Sensor, definite, period_of
from vitrine_simulators.sparkplug_node import NodeDevice, NodeMetric, SparkplugNode
from vitrine_simulators.weather import Weather
from vitrine_simulators.zigbee2mqtt import Bridge, ZigbeeDevice, is_zigbee

_Bound = tuple[Bound, Read]


def publishers_of(
    sensors: Sequence[_Bound], now: Callable[[], float], weather: Mapping[str, Weather | None]
) -> list[Publisher | SparkplugNode]:
    """Return the publishers of the sensors of one broker; `now` is the time of the plant, `weather` by device."""
    nodes = [one for one in sensors if one[0].profile.mqtt.dialect == "sparkplug"]
    plain = [one for one in sensors if one[0].profile.mqtt.dialect != "sparkplug"]
    found: list[Publisher | SparkplugNode] = list(_nodes(nodes, now, weather))
    if plain:
        speaking: list[Sensor] = [sensor_of(bound, read) for bound, read in plain]
        reach = {id(one): weather.get(bound.device.key) for one, (bound, _) in zip(speaking, plain, strict=True)}
        all_of_them = [(one, reach.get(id(one))) for one in (*_bridges(speaking), *speaking)]
        found.append(Publisher(plain[0][0].device.connection, all_of_them, now))
    return found


def sensor_of(bound: Bound, read: Read) -> JsonSensor:
    """Return the sensor that publishes the channels of a device."""
    kind = JsonSensor
    if bound.profile.mqtt.dialect == "home-assistant":
        kind = AnnouncedDevice
    elif is_zigbee(bound.profile):
        kind = ZigbeeDevice
    return kind(bound.device, bound.profile, list(bound.to_profile), read)


def _bridges(sensors: Iterable[Sensor]) -> list[Bridge]:
    """Return the bridges before the Zigbee devices; they come first, so that a bridge's end is the will."""
    bases: defaultdict[str, list[ZigbeeDevice]] = defaultdict(list)
    for sensor in sensors:
        if isinstance(sensor, ZigbeeDevice):
            bases[sensor.base].append(sensor)
    return [Bridge(base, devices) for base, devices in bases.items()]


def _nodes(
    sensors: Iterable[_Bound], now: Callable[[], float], weather: Mapping[str, Weather | None]
) -> Iterable[SparkplugNode]:
    nodes: defaultdict[tuple[str, str], list[tuple[_Bound, str]]] = defaultdict(list)
    for bound, read in sensors:
        address = definite(address_of(bound.device, bound.profile, lambda *_: None))
        _, group, _, node, device = [*address.topic.split("/"), ""][:5]
        nodes[group, node].append(((bound, read), device))
    for (group, node), devices in nodes.items():
        connection = devices[0][0][0].device.connection
        yield SparkplugNode(connection, group, node, [_device(one, name, weather) for one, name in devices], now)


def _device(one: _Bound, name: str, weather: Mapping[str, Weather | None]) -> NodeDevice:
    bound, read = one
    places = address_of(bound.device, bound.profile, lambda *_: None).places
    metrics = [
        NodeMetric(channel.key, places[channel.key][1], UNITS[channel.unit].en or "1")
        for channel in bound.profile.channels
        if channel.key in bound.to_profile
    ]
    return NodeDevice(name, tuple(metrics), read, period_of(bound.device), weather.get(bound.device.key))
