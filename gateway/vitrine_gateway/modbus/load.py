"""What a site asks of its lines: requests, bytes, time on the wire, and whether each line keeps up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine_gateway.modbus.line import line_key
from vitrine_gateway.modbus.plan import Cost, Frame, Request, plan
from vitrine_gateway.site import Site, SiteDevice

#: Above this share of its time a line has no room left for what fails and is asked again.
FULL = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLoad:
    """One request of one device."""

    table: str
    first: int
    registers: int
    channels: tuple[str, ...]
    #: Bytes out and back, frames included.
    asked: int
    answered: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLoad:
    """What the channels of one device that are read together cost its line in each cycle."""

    key: str
    unit: int
    every_s: float
    requests: tuple[RequestLoad, ...]

    @property
    def seconds(self) -> float:
        """Time of all its requests."""
        return sum(request.seconds for request in self.requests)

    @property
    def share(self) -> float:
        """Share of the line's time, 1 being all of it."""
        return self.seconds / self.every_s


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLoad:
    """One line or connection."""

    name: str
    #: Whether the times follow from its bauds, or are an assumption about a network.
    serial: bool
    devices: tuple[DeviceLoad, ...]

    @property
    def share(self) -> float:
        """Share of its time that its devices take."""
        return sum(device.share for device in self.devices)

    @property
    def keeps_up(self) -> bool:
        """Whether it has time to spare."""
        return self.share <= FULL

    @property
    def slower(self) -> float:
        """Factor by which every period must grow so that it keeps up; 1 where it does."""
        return max(1.0, self.share / FULL)


def loads(site: Site) -> list[LineLoad]:
    """Return the lines of a site in the order of its file; sensors over MQTT have none."""
    lines: dict[tuple[str, str, int], list[SiteDevice]] = {}
    for device in site.devices:
        if device.profile.protocol == "modbus":
            lines.setdefault(line_key(device.device.connection), []).append(device)
    return [_line(devices) for devices in lines.values()]


def _line(devices: list[SiteDevice]) -> LineLoad:
    connection = devices[0].device.connection
    return LineLoad(
        name=line_name(connection),
        serial=connection.transport in SERIAL_TRANSPORTS,
        devices=tuple(_group(device, every) for device in devices for every in device.groups),
    )


def line_name(connection: Connection) -> str:
    """Return how people call a line."""
    if connection.transport in SERIAL_TRANSPORTS:
        form = f"{connection.data_bits}{connection.parity}{connection.stop_bits}"
        return f"{connection.serial_port} {connection.baudrate} {form} {connection.transport}"
    return f"{connection.host}:{connection.port} {connection.transport}"


def _group(device: SiteDevice, every_s: float) -> DeviceLoad:
    connection, keys = device.device.connection, device.groups[every_s]
    sources = [channel.source for channel in device.channels if channel.key in keys]
    requests = plan(sources, device.profile.max_registers, Cost.of(connection), device.profile.barriers)
    return DeviceLoad(
        key=device.key,
        unit=connection.unit,
        every_s=every_s,
        requests=(*_trigger(device), *_requests(requests, connection)),
    )


def _trigger(device: SiteDevice) -> Iterator[RequestLoad]:
    """Return the request that makes an instrument measure; while it does, the line is free for others."""
    connection, trigger = device.device.connection, device.profile.trigger
    if trigger:
        frame, cost, count = Frame.of(connection.transport), Cost.of(connection), len(trigger.words)
        if not count:
            yield RequestLoad(
                table="start",
                first=trigger.address,
                registers=0,
                channels=(),
                asked=frame.asked,
                answered=frame.answered,
                seconds=cost.request,
            )
            return
        yield RequestLoad(
            table="write",
            first=trigger.address,
            registers=count,
            channels=(),
            # After address and count come the number of bytes and the registers; the answer repeats the former two
            asked=frame.asked + frame.register // 2 + frame.register * count,
            answered=frame.asked,
            seconds=cost.request + cost.register * (count + 2),
        )


def _requests(requests: list[Request], connection: Connection) -> Iterator[RequestLoad]:
    frame, cost = Frame.of(connection.transport), Cost.of(connection)
    for request in requests:
        yield RequestLoad(
            table=request.table,
            first=request.first,
            registers=request.count,
            channels=tuple(place.key for place in request.places if hasattr(place, "key")),
            asked=frame.asked,
            answered=frame.answered + frame.register * request.count,
            seconds=cost.request + cost.register * request.count,
        )
