"""Reading one device: its requests, what to do when some fail, and whether it is the instrument expected."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Literal

from vitrine.quality import Test
from vitrine_gateway.modbus.bus import Bus
from vitrine_gateway.modbus.decode import decode, raw_value
from vitrine_gateway.modbus.failures import ILLEGAL_FUNCTION, Busy, LineDown, NoAnswer, Refused
from vitrine_gateway.modbus.places import Places
from vitrine_gateway.modbus.plan import Cost, Request, alone, plan
from vitrine_gateway.modbus.quarantine import Quarantine
from vitrine_gateway.modbus.slot import Slot
from vitrine_gateway.profiles import Channel
from vitrine_gateway.reading import Reading, Sample, silent
from vitrine_gateway.site import SiteDevice

Breaker = Literal["closed", "open", "half-open"]
#: Cycles without any answer after which a device is asked less often, so that it does not hold up its line.
_PATIENCE = 3
_LONGEST_PAUSE = 60.0


class Reader:
    """Reads a device on its line. `failure` says in English why it gives nothing, '' while all is well."""

    def __init__(
        self,
        site: SiteDevice,
        line: Bus,
        *,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare to read; `now` and `pause` are those of another clock where time is not the machine's."""
        self._site, self._now = site, now
        self._line = line
        connection = site.device.connection
        self._unit, self._timeout = connection.unit, connection.timeout_s
        self._cost = Cost.of(connection)
        self._plans: dict[frozenset[str], list[Request]] = {}
        self._requests: list[Request] = []
        self._wanted: tuple[str, ...] = ()
        self._channels = {channel.key: channel for channel in site.channels}
        self._places = Places(site)
        self._quarantine = Quarantine(now)
        self._slot = Slot(line, self._unit, self._timeout, now, pause)
        self._identified = False
        self._misses = 0
        self._resume = 0.0
        self.failure = ""

    @property
    def breaker(self) -> Breaker:
        """Tell whether the device is asked as planned, left alone for now, or tried again."""
        if self._misses < _PATIENCE:
            return "closed"
        return "open" if self._now() < self._resume else "half-open"

    @property
    def quarantined(self) -> dict[str, str]:
        """Return the channels whose registers the instrument refuses, with its words."""
        return self._quarantine.reasons

    async def read(self, keys: frozenset[str] | None = None, until: float = math.inf) -> Sample:
        """Read these channels once, or all of them; a channel that gives nothing is there with None.

        `until` is the end of the slot on the monotonic clock: nothing is asked again that might last longer.
        """
        keys = frozenset(self._site.channel_keys) if keys is None else keys
        self._wanted = tuple(key for key in self._site.channel_keys if key in keys)
        now = self._now()
        if now < self._resume:
            return silent(self._site.key, self._wanted, now)
        self._slot.begin(until)
        self._quarantine.begin()
        try:
            if not self._identified and not await self._identify():
                return self._mistaken()
            await self._measure()
        except NoAnswer as error:
            return self._missed(error)
        except Busy as busy:
            self.failure = str(busy)
            return silent(self._site.key, self._wanted, self._now())
        except Refused as refusal:
            self.failure = f"the measurement cannot be triggered: {refusal}"
            return silent(self._site.key, self._wanted, self._now())
        self._take_up(keys)
        return await self._read_all()

    async def _measure(self) -> None:
        """Make the instrument measure, by the one request that its profile declares and its installation allows."""
        trigger = self._site.profile.trigger
        if trigger and self._site.device.trigger:
            await self._slot.measure(trigger)

    def _take_up(self, keys: frozenset[str]) -> None:
        """Take up the requests for these channels, as they have become by what the instrument refused before."""
        if keys not in self._plans:
            profile = self._site.profile
            sources = [source for key, source in self._places.sources.items() if key in keys]
            self._plans[keys] = plan(sources, profile.max_registers, self._cost, profile.barriers)
        self._requests = self._plans[keys]

    async def _read_all(self) -> Sample:
        readings: list[Reading] = []
        pending = list(self._requests)
        while pending:
            request = pending.pop(0)
            try:
                readings += await self._request(request)
            except NoAnswer as error:
                if not readings:
                    return self._missed(error)
                self.failure = str(error)
                at = self._now()
                readings += [reading for late in (request, *pending) for reading in _nothing(late, at)]
                break
        else:
            self.failure = self._quarantine.told
        self._misses = 0
        at, absent = self._now(), self._places.absent
        readings += [Reading(key, at, None, int(Test.NO_ANSWER)) for key in self._wanted if key in absent]
        return Sample(self._site.key, tuple(sorted(readings, key=lambda reading: reading.at)))

    async def _request(self, request: Request) -> list[Reading]:
        if self._quarantine.holds(request):
            return list(_nothing(request, self._now()))
        try:
            words, at = await self._slot.read(request, again=not self._misses)
        except Refused as refusal:
            if not self._quarantine.passes(request, refusal):
                self._narrow(request, refusal)
            return list(_nothing(request, self._now()))
        self._quarantine.answered(request)
        return [self._value(place, request, words, at) for place in request.places if isinstance(place, Channel)]

    def _value(self, source: Channel, request: Request, words: list[int], at: float) -> Reading:
        start = source.address - request.first
        value, tests = decode(source, words[start:])
        site = self._channels[source.key]
        if value is not None and (site.scale, site.shift) != (1.0, 0.0):
            value = value * site.scale + site.shift
        return Reading(source.key, at, value, tests)

    def _narrow(self, request: Request, refusal: Refused) -> None:
        """Ask for less from now on; a single value that is refused is left alone for a while."""
        parts = () if refusal.code == ILLEGAL_FUNCTION else request.split()
        if parts:
            at = self._requests.index(request)
            self._requests[at : at + 1] = parts
            return
        self._quarantine.put(request, refusal)

    async def _locate(self) -> bool:
        """Find the registers of the channels, where the device itself says where they are."""
        before = self._places.sources
        if failure := await self._places.find(self._line, self._unit, self._timeout):
            self.failure = failure
            return False
        if self._places.sources is not before:
            self._plans.clear()
            self._quarantine.lock(self._places.absent)
        return True

    async def _identify(self) -> bool:
        if not await self._locate():
            return False
        for mark in self._site.profile.identity:
            try:
                words, _ = await self._slot.read(alone(mark), again=not self._misses)
            except Busy:
                raise
            except Refused:
                continue  # some firmware does not show the register; its absence proves nothing
            found = raw_value(words, mark.type, mark.order)
            if found not in mark.values:
                wanted = " or ".join(map(str, mark.values))
                self.failure = (
                    f"not a {self._site.profile.manufacturer} {self._site.profile.model}: "
                    f"register {mark.address} holds {found} instead of {wanted}"
                )
                return False
        self._identified = True
        return True

    def _mistaken(self) -> Sample:
        """Give no value of an instrument that another profile describes."""
        now = self._now()
        self._resume = now + _LONGEST_PAUSE * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        readings = (Reading(key, now, None, int(Test.SENSOR_STATUS)) for key in self._wanted)
        return Sample(self._site.key, tuple(readings))

    def _missed(self, error: NoAnswer) -> Sample:
        self.failure = str(error)
        self._identified = False
        now = self._now()
        if isinstance(error, LineDown):
            return silent(self._site.key, self._wanted, now)
        self._misses += 1
        if self._misses >= _PATIENCE:
            pause = min(_LONGEST_PAUSE, 2.0 ** (self._misses - _PATIENCE))
            self._resume = now + pause * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        return silent(self._site.key, self._wanted, now)


def _nothing(request: Request, at: float) -> Iterator[Reading]:
    for place in request.places:
        if isinstance(place, Channel):
            yield Reading(place.key, at, None, int(Test.NO_ANSWER))
