"""The conditions in the field: what disturbs instruments and their ways, by a schedule of faults."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from vitrine_simulators.faults import Fault, Schedule
from vitrine_simulators.faults.bus import disturbed
from vitrine_simulators.faults.kinds import KINDS
from vitrine_simulators.modbus_frames import Request
from vitrine_simulators.modbus_slaves import Answer, Disturbance
from vitrine_simulators.weather import Link, Weather, link_under

#: Who stands for the broker of the uplink in a schedule: a fault of the network that names no device.
UPLINK = ""


class Conditions(Protocol):
    """What disturbs the instruments and their ways."""

    def disturbance(self, device: str) -> Disturbance | None:
        """Return what changes the answers of a device."""

    def clients(self, devices: Iterable[str]) -> int | None:
        """Return how many connections these devices take at this moment, None for any number."""

    def weather(self, devices: Iterable[str]) -> Weather | None:
        """Return the state of the way to these devices, None where it is always there."""


class QuietField:
    """A field without faults."""

    def disturbance(self, device: str) -> Disturbance | None:
        """Return None: answers stay what they are."""
        return None

    def clients(self, devices: Iterable[str]) -> int | None:
        """Return None: any number of connections."""
        return None

    def weather(self, devices: Iterable[str]) -> Weather | None:
        """Return None: the way is always there."""
        return None


class FaultyField:
    """A field by the faults that are declared for it."""

    def __init__(self, faults: Sequence[Fault], schedule: Schedule) -> None:
        self._schedule = schedule
        self._concerned = {(KINDS[fault.kind].family, fault.device) for fault in faults}

    def disturbance(self, device: str) -> Disturbance | None:
        """Return what changes the answers of a device, None where nothing ever does."""
        if ("bus", device) not in self._concerned:
            return None

        def disturb(request: Request, answer: Answer) -> Answer | None:
            return disturbed(self._schedule.active(time.time(), device, "bus"), request, answer)

        return disturb

    def clients(self, devices: Iterable[str]) -> int | None:
        """Return 1 while one of these devices takes one connection only."""
        now = time.time()
        lasting = (fault.kind for device in devices for fault in self._schedule.active(now, device, "bus"))
        return 1 if "one-connection" in lasting else None

    def weather(self, devices: Iterable[str]) -> Weather | None:
        """Return the state of the way to these devices, None where it is always there."""
        concerned = [device for device in devices if ("network", device) in self._concerned]
        if not concerned:
            return None

        def look() -> Link:
            now = time.time()
            faults = [fault for one in concerned for fault in self._schedule.active(now, one, "network")]
            return link_under(faults, now)

        return look
