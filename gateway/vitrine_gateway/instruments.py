"""All instruments of a site, each read in its own time; what they give is handed on as samples."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from vitrine.logs import logger
from vitrine_gateway.modbus.line import Line, line_key
from vitrine_gateway.modbus.reader import Reader
from vitrine_gateway.modbus.statistics import LineStatistics
from vitrine_gateway.mqtt.deliveries import Deliveries
from vitrine_gateway.mqtt.sensor import Sensor
from vitrine_gateway.mqtt.source import Source, broker_key, stable_id
from vitrine_gateway.reading import Sample
from vitrine_gateway.site import Site, SiteDevice

_log = logger("gateway")
#: Seconds that a single reading waits for sensors which publish when they like.
_LONGEST_LISTENING = 15.0
#: A reading that takes longer than this, and ten periods, will not end by itself.
_STUCK_S = 120.0
#: Groups that are due within so many seconds of one another are read together.
_TOGETHER_S = 0.005


@dataclass(slots=True)
class _Group:
    """Channels of one device that are read together, and when they are due, on the monotonic clock."""

    keys: frozenset[str]
    every_s: float
    due: float

    def advance(self, now: float) -> int:
        """Go on to the next slot that is not over, and return how many were missed."""
        late = max(0, math.floor((now - self.due) / self.every_s))
        self.due += self.every_s * (late + 1)
        return late


def sensor_of(device: SiteDevice, now: float, newest: MutableMapping[str, int]) -> Sensor:
    """Return what keeps account of a sensor from an instant of the monotonic clock on, by its profile's dialect."""
    if device.profile.mqtt.dialect == "sparkplug":
        from vitrine_gateway.mqtt.sparkplug_sensor import SparkplugSensor

        return SparkplugSensor(device, now, newest)
    if device.profile.mqtt.dialect == "home-assistant":
        from vitrine_gateway.mqtt.home_assistant_sensor import HomeAssistantSensor

        return HomeAssistantSensor(device, now, newest)
    return Sensor(device, now, newest)


class Instruments:
    """Reads a site until cancelled; a task for each Modbus device and for each broker of sensors."""

    def __init__(
        self,
        site: Site,
        hand_on: Callable[[Sample], object],
        *,
        role: str = "sensors",
        deliveries: Deliveries | None = None,
    ) -> None:
        """Prepare to read; `role` keeps two programs on one broker of sensors apart."""
        self._hand_on, self._role, self._deliveries = hand_on, role, deliveries
        self._lines: dict[tuple[str, str, int], Line] = {}
        self._readers: dict[str, Reader] = {}
        self._sensors: dict[str, Sensor] = {}
        self._site = site
        #: Slots in which a device was still being read when the next reading was due.
        self.missed_slots: dict[str, int] = {}
        self._turns: dict[str, float] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._ending = False
        self._listening: list[asyncio.Task[None]] = []
        for device in site.devices:
            self._add(device)

    def failing(self) -> dict[str, str]:
        """Return the devices that give nothing, or not everything, with the reason in English."""
        everyone: dict[str, Reader | Sensor] = {**self._readers, **self._sensors}
        return {key: one.failure for key, one in sorted(everyone.items()) if one.failure}

    def reader_of(self, key: str) -> Reader | None:
        """Return the reader of a Modbus device."""
        return self._readers.get(key)

    def stuck(self) -> list[str]:
        """Return the Modbus devices whose reading has not come round for far too long, answered or not."""
        now = time.monotonic()
        return [
            device.key
            for device in self._site.devices
            if device.key in self._turns and now - self._turns[device.key] > _STUCK_S + 10 * max(device.groups)
        ]

    def line_of(self, key: str) -> Line | None:
        """Return the line of a Modbus device."""
        device = self._site.device(key)
        return self._lines.get(line_key(device.device.connection)) if device else None

    def lines(self) -> list[LineStatistics]:
        """Return what each line has done since the start."""
        return [line.statistics for line in self._lines.values()]

    async def run(self) -> None:
        """Read everything until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for device in self._site.devices:
                    self._follow(device)
                self._listen()
                try:
                    await asyncio.Event().wait()
                finally:
                    # Before Python 3.12 an answer that comes with the cancellation swallows it (asyncio.wait_for)
                    self._ending = True
        finally:
            self._tasks = None
            for line in self._lines.values():
                line.close()

    def change(self, site: Site) -> list[str]:
        """Take a site's devices as they are now and return what changed; those that stay notice nothing.

        A reading on its way is finished first, so that its answer is nobody else's.
        """
        old, new = ({device.key: device for device in one.devices} for one in (self._site, site))
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        sensors = {key for key in changed if key in self._sensors}
        for key in changed:
            for known in (self._readers, self._sensors, self.missed_slots, self._turns):
                known.pop(key, None)
        self._site = site
        for key in changed:
            if key in new:
                self._add(new[key])
                self._follow(new[key])
        self._close_lines({line_key(device.device.connection) for device in site.devices})
        if sensors or any(key in self._sensors for key in changed):
            self._listen()
        return changed

    def _add(self, device: SiteDevice) -> None:
        if device.profile.protocol == "mqtt":
            newest = self._deliveries.newest if self._deliveries else {}
            self._sensors[device.key] = sensor_of(device, time.monotonic(), newest)
        else:
            connection = device.device.connection
            line = self._lines.setdefault(line_key(connection), Line(connection))
            self._readers[device.key] = Reader(device, line)

    def _follow(self, device: SiteDevice) -> None:
        if self._tasks is not None and (reader := self._readers.get(device.key)):
            self._tasks.create_task(self._poll(device, reader))

    def _listen(self) -> None:
        """Listen to the sensors that there are now, in place of those before."""
        for task in self._listening:
            task.cancel()
        if self._tasks is not None:
            self._listening = [self._tasks.create_task(source.run()) for source in self._sources()]

    def _close_lines(self, used: set[tuple[str, str, int]]) -> None:
        for key in [key for key in self._lines if key not in used]:
            self._lines.pop(key).close()

    async def once(self) -> None:
        """Read every Modbus device one time, and wait for a message of each sensor, or its longest silence."""
        listening = [asyncio.create_task(source.run()) for source in self._sources()]
        try:
            await asyncio.gather(*(self._read(key, reader) for key, reader in self._readers.items()))
            until = time.monotonic() + _LONGEST_LISTENING
            while time.monotonic() < until and not all(sensor.heard for sensor in self._sensors.values()):
                await asyncio.sleep(0.1)
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)
            for line in self._lines.values():
                line.close()

    def _sources(self) -> list[Source]:
        brokers: dict[tuple[str, int, str], list[SiteDevice]] = {}
        for device in self._site.devices:
            if device.key in self._sensors:
                brokers.setdefault(broker_key(device.device.connection), []).append(device)
        installation = self._site.installation
        return [
            Source(
                devices[0].device.connection,
                [self._sensors[device.key] for device in devices],
                stable_id(
                    devices[0].device.connection, f"{installation.slug}.{installation.gateway.node}-{self._role}"
                ),
                self._hand_on,
                self._deliveries,
            )
            for devices in brokers.values()
        ]

    async def _poll(self, device: SiteDevice, reader: Reader) -> None:
        """Read a device on the wall clock's multiples of its periods; a slot that is missed is not made up for."""
        now, phase = time.monotonic(), device.device.phase_s
        groups = [_Group(keys, every, now + (phase - time.time()) % every) for every, keys in device.groups.items()]
        while not self._ending and self._readers.get(device.key) is reader:
            self._turns[device.key] = time.monotonic()
            due = min(group.due for group in groups)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._ending or self._readers.get(device.key) is not reader:
                return
            ready = [group for group in groups if group.due <= due + _TOGETHER_S]
            until = min(group.due + group.every_s if group in ready else group.due for group in groups)
            await self._read(device.key, reader, frozenset[str]().union(*(group.keys for group in ready)), until)
            if missed := sum(group.advance(time.monotonic()) for group in ready):
                self.missed_slots[device.key] = self.missed_slots.get(device.key, 0) + missed

    async def _read(
        self, key: str, reader: Reader, channels: frozenset[str] | None = None, until: float = math.inf
    ) -> None:
        before = reader.failure
        sample = await reader.read(channels, until)
        if reader.failure != before:
            _log.warning("device fails", device=key, reason=reader.failure) if reader.failure else _log.info(
                "device answers again", device=key
            )
        if sample.readings:
            self._hand_on(sample)
