"""Reading one device: its requests, what to do when some fail, and whether it is the instrument expected."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vitrine.quality import Test
from vitrine_gateway.modbus.block import Block
from vitrine_gateway.modbus.breaker import Breaker, BreakerState
from vitrine_gateway.modbus.bus import Bus
from vitrine_gateway.modbus.decode import raw_value
from vitrine_gateway.modbus.failures import ILLEGAL_FUNCTION, Busy, LineDown, NoAnswer, Refused
from vitrine_gateway.modbus.places import Places
from vitrine_gateway.modbus.plan import Cost, alone, plan
from vitrine_gateway.modbus.quarantine import Quarantine
from vitrine_gateway.modbus.slot import Slot
from vitrine_gateway.reading import Reading, Sample, silent
from vitrine_gateway.site import SiteDevice


@dataclass(slots=True)
class _Group:
    """Channels that are read together."""

    keys: tuple[str, ...]
    #: Their requests, as they have become by what the instrument refused; None until it is known where they lie.
    blocks: list[Block] | None = None

    def narrow(self, block: Block) -> bool:
        """Ask for less from now on; False where a request cannot become smaller."""
        assert self.blocks is not None
        parts = block.split()
        if parts:
            at = self.blocks.index(block)
            self.blocks[at : at + 1] = parts
        return bool(parts)


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
        self._groups: dict[frozenset[str] | None, _Group] = {}
        self._places = Places(site)
        self._quarantine = Quarantine(now)
        self._slot = Slot(line, self._unit, self._timeout, now, pause)
        self._breaker = Breaker(now)
        self._identified = False
        self.failure = ""

    @property
    def breaker(self) -> BreakerState:
        """Tell whether the device is asked as planned, left alone for now, or tried again."""
        return self._breaker.state

    @property
    def quarantined(self) -> dict[str, str]:
        """Return the channels whose registers the instrument refuses, with its words."""
        return self._quarantine.reasons

    async def read(self, keys: frozenset[str] | None = None, until: float = math.inf) -> Sample:
        """Read these channels once, or all of them; a channel that gives nothing is there with None.

        `until` is the end of the slot on the monotonic clock: nothing is asked again that might last longer.
        """
        group = self._groups.get(keys) or self._group(keys)
        if self._breaker.rests:
            return self._silent(group)
        self._slot.begin(until)
        self._quarantine.begin()
        try:
            if not self._identified and not await self._identify():
                return self._mistaken(group)
            await self._measure()
        except NoAnswer as error:
            return self._missed(group, error)
        except Refused as refusal:
            untriggered = f"the measurement cannot be triggered: {refusal}"
            self.failure = str(refusal) if isinstance(refusal, Busy) else untriggered
            return self._silent(group)
        return await self._read_all(group, self._plan(group) if group.blocks is None else group.blocks)

    def _group(self, keys: frozenset[str] | None) -> _Group:
        wanted = self._site.channel_keys
        group = self._groups[keys] = _Group(tuple(key for key in wanted if keys is None or key in keys))
        return group

    def _plan(self, group: _Group) -> list[Block]:
        profile = self._site.profile
        channels = {channel.key: channel for channel in self._site.channels if channel.key in group.keys}
        sources = [source for key, source in self._places.sources.items() if key in channels]
        requests = plan(sources, profile.max_registers, self._cost, profile.barriers)
        group.blocks = [Block(request, channels) for request in requests]
        return group.blocks

    async def _measure(self) -> None:
        """Make the instrument measure, by the one request that its profile declares and its installation allows."""
        trigger = self._site.profile.trigger
        if trigger and self._site.device.trigger:
            await self._slot.measure(trigger)

    async def _read_all(self, group: _Group, blocks: list[Block]) -> Sample:
        readings: list[Reading] = []
        pending = blocks[:]
        for position, block in enumerate(pending):
            try:
                readings += await self._ask(group, block)
            except NoAnswer as error:
                if not readings:
                    return self._missed(group, error)
                self.failure = str(error)
                at = self._now()
                readings += [reading for late in pending[position:] for reading in late.nothing(at)]
                break
        else:
            self.failure = self._quarantine.told
        self._breaker.answered()
        if absent := self._places.absent:
            at = self._now()
            readings += [Reading(key, at, None, int(Test.NO_ANSWER)) for key in group.keys if key in absent]
        return Sample(self._site.key, tuple(readings))

    async def _ask(self, group: _Group, block: Block) -> list[Reading]:
        if self._quarantine.holds(block.request):
            return block.nothing(self._now())
        try:
            words, at = await self._slot.read(block.request, again=not self._breaker.missing)
        except Refused as refusal:
            if not self._quarantine.passes(block.request, refusal):
                narrower = refusal.code != ILLEGAL_FUNCTION and group.narrow(block)
                if not narrower:  # a single value that is refused is left alone for a while
                    self._quarantine.put(block.request, refusal)
            return block.nothing(self._now())
        self._quarantine.answered(block.request)
        return block.readings(words, at)

    async def _locate(self) -> bool:
        """Find the registers of the channels, where the device itself says where they are."""
        before = self._places.sources
        if failure := await self._places.find(self._line, self._unit, self._timeout):
            self.failure = failure
            return False
        if self._places.sources is not before:
            for group in self._groups.values():
                group.blocks = None
            self._quarantine.lock(self._places.absent)
        return True

    async def _identify(self) -> bool:
        if not await self._locate():
            return False
        for mark in self._site.profile.identity:
            try:
                words, _ = await self._slot.read(alone(mark), again=not self._breaker.missing)
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

    def _mistaken(self, group: _Group) -> Sample:
        """Give no value of an instrument that another profile describes."""
        self._breaker.mistaken()
        now = self._now()
        return Sample(self._site.key, tuple(Reading(key, now, None, int(Test.SENSOR_STATUS)) for key in group.keys))

    def _missed(self, group: _Group, error: NoAnswer) -> Sample:
        self.failure = str(error)
        self._identified = False
        if not isinstance(error, LineDown):
            self._breaker.missed()
        return self._silent(group)

    def _silent(self, group: _Group) -> Sample:
        return silent(self._site.key, group.keys, self._now())
