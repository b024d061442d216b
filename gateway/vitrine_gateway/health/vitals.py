"""Gathers what every part of the gateway knows of itself."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from vitrine import __version__, uplink
from vitrine_gateway.clock import Clock
from vitrine_gateway.health.device_words import DeviceWords
from vitrine_gateway.health.machine import Machine, machine
from vitrine_gateway.health.snapshot import DeviceHealth, QueueHealth, Snapshot
from vitrine_gateway.instruments import Instruments
from vitrine_gateway.queue import Queue, QueueStatistics
from vitrine_gateway.site import Site, SiteDevice
from vitrine_gateway.uplink.status import UplinkStatus

#: Seconds for which what the machine tells of itself holds.
_FRESH = 15.0
_DAY = 86_400.0


class Vitals:
    """The health of one gateway."""

    def __init__(self, site: Site, instruments: Instruments, queue: Queue, clock: Clock, folder: Path) -> None:
        self._site, self._instruments, self._queue = site, instruments, queue
        self._clock, self._folder = clock, folder
        self.started = datetime.now(UTC)
        #: Further faults by the part of the gateway that has them, in English.
        self.faults: dict[str, str] = {}
        self._day, self._written_before = 0, 0
        self._machine, self._asked = machine(folder), time.monotonic()
        self._words = DeviceWords()

    def change(self, site: Site) -> None:
        """Tell of the devices of another site from now on."""
        self._site = site

    def snapshot(self, status: UplinkStatus) -> Snapshot:
        """Return everything that is known at this moment."""
        installation = self._site.installation
        return Snapshot(
            at=datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC),
            started=self.started,
            version=__version__,
            installation=installation.slug,
            node=installation.gateway.node,
            devices=tuple(self._device(device) for device in self._site.devices),
            lines=tuple(self._instruments.lines()),
            queue=self._queue_health(self._queue.statistics()),
            uplink=status,
            clock=self._clock.state(),
            machine=machine(self._folder),
        )

    def failing(self) -> dict[str, str]:
        """Return what gives nothing, or not everything, with the reason in English."""
        failing = {**self._instruments.failing(), **self.faults}
        if unwritten := self._queue.statistics().unwritten:
            failing[""] = f"{unwritten} records could not be written to the disk"
        return failing

    def metrics(self) -> dict[str, str | int | float | None]:
        """Return the node's metrics; they are sent when they change, so none of them moves without a reason."""
        clock, queue, told = self._clock.state(), self._queue_health(self._queue.statistics()), self._told_machine()
        return {
            uplink.QUEUE_DEPTH: queue.records,
            uplink.QUEUE_OLDEST: queue.oldest_age_s or 0.0,
            uplink.QUEUE_BYTES: queue.bytes,
            uplink.CLOCK_SOURCE: clock.source,
            uplink.CLOCK_OFFSET: clock.offset_ms,
            uplink.DEVICES_FAILING: json.dumps(self.failing(), ensure_ascii=False),
            uplink.DEVICES: self._words.text(lambda: map(self._device, self._site.devices)),
            uplink.RECORDS_LOST: queue.lost,
            uplink.CLOCK_STEPS: clock.steps,
            uplink.BYTES_WRITTEN: queue.bytes_written_today // 1_000_000 * 1_000_000,
            uplink.DISK_FREE: None
            if told.disk_free_bytes is None
            else told.disk_free_bytes // 100_000_000 * 100_000_000,
            uplink.CPU_TEMPERATURE: None if told.cpu_temperature_c is None else round(told.cpu_temperature_c),
            uplink.UNDER_VOLTAGE: told.under_voltage,
            uplink.MEMORY: None if told.memory_bytes is None else told.memory_bytes // 1_000_000 * 1_000_000,
        }

    def _told_machine(self) -> Machine:
        if time.monotonic() - self._asked >= _FRESH:
            self._machine, self._asked = machine(self._folder), time.monotonic()
        return self._machine

    def _device(self, device: SiteDevice) -> DeviceHealth:
        failure = self._instruments.failing().get(device.key, "")
        missed = self._instruments.missed_slots.get(device.key, 0)
        line = self._instruments.line_of(device.key) if device.profile.protocol != "mqtt" else None
        if line is None:
            return DeviceHealth(key=device.key, failure=failure, missed_slots=missed)
        unit = line.statistics.unit(device.device.connection.unit)
        reader = self._instruments.reader_of(device.key)
        return DeviceHealth(
            key=device.key,
            failure=failure,
            missed_slots=missed,
            requests=unit.requests,
            answers=unit.answers,
            refusals=unit.refusals,
            busy=unit.busy,
            timeouts=unit.timeouts,
            damaged=unit.damaged,
            late=unit.late,
            latency_s=unit.round_trip_s,
            breaker=reader.breaker if reader else None,
            quarantined=len(reader.quarantined) if reader else None,
        )

    def _queue_health(self, held: QueueStatistics) -> QueueHealth:
        oldest = None if held.oldest_ms is None else round(max(0.0, (self._clock.now_ms() - held.oldest_ms) / 1000), 1)
        return QueueHealth(
            records=held.depth,
            bytes=held.bytes,
            oldest_age_s=oldest,
            bytes_written_today=self._today(held.disk_bytes_total),
            bytes_written_a_day=held.written_per_day,
            lost=held.lost,
            unwritten=held.unwritten,
        )

    def _today(self, total: int) -> int:
        """Return the bytes written since midnight UTC, or since the start where that was today."""
        day = int(self._clock.now_ms() / 1000 // _DAY)
        if day != self._day:
            self._written_before = total if self._day else 0
            self._day = day
        return total - self._written_before
