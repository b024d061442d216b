"""One line or connection: one master on it, its devices in turn, opened again after each loss."""

from __future__ import annotations

import asyncio
import time

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine.installation_lines import line_key
from vitrine_gateway.modbus.asked import FUNCTIONS, WRITE, Asked, asked_of, words_of
from vitrine_gateway.modbus.client import Client, place_of
from vitrine_gateway.modbus.endpoints import Endpoints
from vitrine_gateway.modbus.failures import Absent, Busy, ChecksumWrong, Damaged, LineDown, NoAnswer, Refused
from vitrine_gateway.modbus.framing import FRAMINGS
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.modbus.statistics import LineStatistics, UnitStatistics
from vitrine_gateway.modbus.timing import RoundTrip, Wire
from vitrine_gateway.modbus.turn import Turn

__all__ = ["Line", "line_key"]

#: Requests in a row, to whichever unit, without a byte heard, after which the line is opened anew: a peer that vanished
#: without a word looks like that. A serial adapter is given more, since it is mostly the instruments that are off.
_SILENT_NETWORK, _SILENT_SERIAL = 3, 10
#: Longest time that a line may chatter before a request, in seconds.
_LONGEST_CHATTER = 1.0
#: Seconds after which it is looked again whether a late answer has come.
_STEP = 0.05
#: Silence after which a connection that is not to be kept open is given back, in seconds.
_IDLE = 0.2


class Line:
    """Sends requests one after the other, whichever device they are for."""

    def __init__(self, connection: Connection) -> None:
        """Prepare a line by the connection of any device on it."""
        self._connection = connection
        self.statistics = LineStatistics(place_of(connection), connection.transport)
        self._late = LateAnswers()
        self._endpoints = Endpoints(connection, self._late, self.statistics)
        self._turn = Turn()
        self._wire = Wire.of(connection)
        self._numbered = FRAMINGS[connection.transport] == "mbap"
        self._patience = _SILENT_SERIAL if connection.transport in SERIAL_TRANSPORTS else _SILENT_NETWORK
        self._round_trips: dict[int, RoundTrip] = {}
        self._silent = 0
        self._idle: asyncio.TimerHandle | None = None

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return self._endpoints.client is not None and self._endpoints.client.connected

    async def read(self, request: Request, unit: int, timeout: float) -> tuple[list[int], float]:
        """Return the registers and the instant in the middle of the request; NoAnswer or Refused otherwise.

        `timeout` is the longest wait for the answer in seconds, the time on a serial wire not counted.
        """
        asked = asked_of(unit, FUNCTIONS[request.table], request.first, request.count)
        payload, at = await self.ask(asked, timeout)
        return words_of(payload[1:]), at

    async def write(self, first: int, words: tuple[int, ...], unit: int, timeout: float) -> float:
        """Write registers (function 16) where a profile allows it, and return the instant in the middle."""
        _, at = await self.ask(asked_of(unit, WRITE, first, len(words)), timeout, words)
        return at

    async def start(self, first: int, unit: int, timeout: float) -> float:
        """Read no register (function 3), by which some instruments start measuring, and return the instant."""
        _, at = await self.ask(asked_of(unit, FUNCTIONS["holding"], first, 0), timeout)
        return at

    async def ask(
        self, asked: Asked, timeout: float, words: tuple[int, ...] = (), *, own: bool = True
    ) -> tuple[bytes, float]:
        """Send a request when its turn has come; a guest's comes after the gateway's own."""
        while True:
            while (wait := self._late.wait(asked, time.monotonic())) > 0:
                await asyncio.sleep(min(wait, _STEP))
            async with self._turn.taken(own=own):
                if self._late.wait(asked, time.monotonic()) > 0:
                    continue  # another request of this unit was lost meanwhile
                try:
                    return await self._attempt(asked, timeout, words)
                except ChecksumWrong:
                    return await self._attempt(asked, timeout, words)
                finally:
                    self._rest()

    def close(self) -> None:
        """Close the line for good."""
        if self._idle:
            self._idle.cancel()
        self._endpoints.close()

    async def _attempt(self, asked: Asked, timeout: float, words: tuple[int, ...]) -> tuple[bytes, float]:
        client = await self._endpoints.open(max(1.0, timeout))
        await self._quiet(client)
        unit = self.statistics.unit(asked.unit)
        usual = self._round_trips.setdefault(asked.unit, RoundTrip())
        on_wire = self._wire.seconds(8 + 2 * len(words)) + self._wire.seconds(asked.size + 4)
        unit.requests += 1
        heard = client.heard_at
        before = time.monotonic()
        try:
            payload = await client.exchange(asked, usual.timeout(timeout) + on_wire, words)
        except LineDown:
            raise
        except asyncio.CancelledError:
            self._expect(asked, before, timeout + on_wire)
            raise
        except Damaged as error:
            unit.damaged += 1
            self._answered(unit, usual)
            # what came may have been another request's, and then this one's answer is still to come
            if not isinstance(error, ChecksumWrong) or self._late.doubtful(asked, before):
                self._expect(asked, before, timeout + on_wire)
            raise
        except Absent:
            unit.timeouts += 1
            unit.silent += 1
            self._silent = 0
            raise
        except NoAnswer as error:
            mute = client.heard_at == heard
            self._missed(unit, usual, timeout, mute=mute)
            self._expect(asked, before, timeout + on_wire)
            raise NoAnswer(f"no answer within {timeout:g} s") from error
        except Refused as refusal:
            busy = isinstance(refusal, Busy)
            unit.busy += busy
            unit.refusals += not busy
            self._answered(unit, usual)
            raise
        after = time.monotonic()
        unit.answers += 1
        self._answered(unit, usual)
        if self._late.doubtful(asked, before):
            self._late.answered(asked, before, timeout + on_wire)
        else:
            usual.learn(after - before - on_wire)
            unit.round_trip_s, unit.timeout_s = usual.smoothed, usual.timeout(timeout)
        return payload, (before + after) / 2

    def _answered(self, unit: UnitStatistics, usual: RoundTrip) -> None:
        self._silent = unit.silent = 0
        usual.answered()

    def _expect(self, asked: Asked, before: float, timeout: float) -> None:
        if not self._numbered:
            self._late.expect(asked, before, timeout)

    def _missed(self, unit: UnitStatistics, usual: RoundTrip, timeout: float, *, mute: bool) -> None:
        unit.timeouts += 1
        unit.silent += 1
        usual.missed()
        unit.timeout_s = usual.timeout(timeout)
        self._silent = self._silent + 1 if mute else 0
        if mute and self._silent >= self._patience:
            self._silent = 0
            self._endpoints.suspect()

    async def _quiet(self, client: Client) -> None:
        """Wait for the silence that the line needs before a request."""
        needed = max(self._wire.silence, self._connection.pause_s)
        until = time.monotonic() + needed + _LONGEST_CHATTER
        while (rest := client.heard_at + needed - time.monotonic()) > 0:
            if time.monotonic() > until:
                raise LineDown(f"{client.place} is never quiet: does another master ask on it?")
            await asyncio.sleep(rest)

    def _rest(self) -> None:
        """Give the connection back between two cycles, where the installation asks for it."""
        if self._connection.keep_open:
            return
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE, self._give_back)

    def _give_back(self) -> None:
        if self._turn.idle:
            self._endpoints.give_back()
