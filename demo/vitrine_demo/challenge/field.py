"""The instruments of a challenge: generated from their profiles, asked in this process, at whatever time it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vitrine_demo.challenge.virtual_time import VirtualTime
from vitrine_gateway.modbus.asked import FUNCTIONS
from vitrine_gateway.modbus.failures import Refused
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.mqtt.sensor import Message
from vitrine_gateway.site import Site
from vitrine_simulators.binding import Bound
from vitrine_simulators.faults import Occurrence
from vitrine_simulators.faults.instrument import shown
from vitrine_simulators.faulty_source import SoundSignals
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_slaves import Refusal
from vitrine_simulators.noise import Array
from vitrine_simulators.plants import Plant
from vitrine_simulators.publishers import sensor_of
from vitrine_simulators.sensors import Said
from vitrine_simulators.simulation import reader_of


def instants_of(every_s: float, phase_s: float, begin: float, end: float) -> Array:
    """Return when something is read: on the clock's multiples of its period, from `begin` to before `end`."""
    first = np.ceil((begin - phase_s) / every_s)
    places = np.arange(first, np.ceil((end - phase_s) / every_s))
    return np.asarray(places * every_s + phase_s, dtype=np.float64)


class Shown:
    """What all channels show, a stretch of time at once; read value by value, as a simulation's source is."""

    def __init__(self, plant: Plant, site: Site, bindings: Sequence[Bound], faults: Iterable[Occurrence]) -> None:
        self._plant = plant
        self.sound = SoundSignals(plant, bindings)
        self._faults = sorted(faults, key=lambda one: (one.begin, one.id))
        self._periods = {
            f"{device.key}/{channel.key}": (channel.every_s, device.device.phase_s)
            for device in site.devices
            for channel in device.channels
        }
        self._first: dict[str, float] = {}
        self._values: dict[str, list[float]] = {}

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return self._plant.signals

    def prepare(self, begin: float, end: float) -> None:
        """Compute what is shown from `begin` to before `end`."""
        present = [one for one in self._faults if one.begin < end and (one.end > begin or one.end == one.begin)]
        for path, (every_s, phase_s) in self._periods.items():
            times = instants_of(every_s, phase_s, begin, end)
            values = shown(path, times, self.sound(path, times), present, self.sound)
            scale, shift = self.sound.to_site[path]
            self._first[path] = float(times[0]) if len(times) else begin
            self._values[path] = ((values - shift) / scale).tolist()

    def read(self, path: str, now: float) -> float:
        """Return what a channel shows at the last instant at which it is read, in the plant's unit."""
        values = self._values[path]
        place = int((now - self._first[path]) / self._periods[path][0] + 1e-6)
        return values[min(max(place, 0), len(values) - 1)]


class InstantBus:
    """Stands for the line to one Modbus instrument: its answer is there at once."""

    def __init__(self, instrument: ModbusDevice, now: VirtualTime) -> None:
        self._instrument, self._now = instrument, now

    async def read(self, request: Request, unit: int, timeout: float) -> tuple[list[int], float]:
        """Return the registers and the time; Refused as on the wire."""
        now = self._now()
        try:
            words = self._instrument.registers(FUNCTIONS[request.table], request.first, request.count)
        except Refusal as refusal:
            raise Refused(refusal.code) from refusal
        return words, now

    async def write(self, first: int, words: tuple[int, ...], unit: int, timeout: float) -> float:
        """Make the instrument measure, where this write does so."""
        now = self._now()
        try:
            self._instrument.write(first, words)
        except Refusal as refusal:
            raise Refused(refusal.code) from refusal
        return now

    async def start(self, first: int, unit: int, timeout: float) -> float:
        """Make the instrument measure, where this request does so."""
        now = self._now()
        try:
            self._instrument.start(first)
        except Refusal as refusal:
            raise Refused(refusal.code) from refusal
        return now


class Field:
    """All instruments of a site."""

    def __init__(self, shown_values: Shown, bindings: Sequence[Bound], now: VirtualTime) -> None:
        self._now = now
        self._buses = {
            bound.device.key: InstantBus(
                ModbusDevice(bound.profile, frozenset(bound.to_profile), reader_of(bound, shown_values), now), now
            )
            for bound in bindings
            if bound.profile.protocol == "modbus"
        }
        self._sensors = {
            bound.device.key: sensor_of(bound, reader_of(bound, shown_values))
            for bound in bindings
            if bound.profile.protocol == "mqtt"
        }

    def bus(self, device: str) -> InstantBus:
        """Return the line to a Modbus instrument."""
        return self._buses[device]

    def announced(self, device: str) -> list[Message]:
        """Return what a sensor says when it has connected."""
        return self._messages(self._sensors[device].hello())

    def published(self, device: str) -> list[Message]:
        """Return what a sensor publishes now."""
        return self._messages(self._sensors[device].said(self._now(), self._now()))

    def _messages(self, said: Sequence[Said]) -> list[Message]:
        now = self._now()
        return [Message(one.topic, one.payload, at=now, wall_s=now, retained=False) for one in said]
