"""One connection with one request at a time, through pymodbus: what answers a request, and what does not.

pymodbus compares an answer's unit and transaction only, and gives up a connection when one of several units is silent
(its issues 1654 and 2636). So it opens the line, puts a frame around each request and moves bytes; the wait for an
answer, and the judgement of each frame that comes, are here.
"""

from __future__ import annotations

import asyncio
import time

from vitrine.installation import Connection
from vitrine_gateway.modbus.asked import Asked, request_bytes
from vitrine_gateway.modbus.failures import (
    REFUSALS,
    Damaged,
    LineDown,
    NoAnswer,
    Refused,
    of_code,
)
from vitrine_gateway.modbus.framing import FRAMINGS, Frame, NotModbus
from vitrine_gateway.modbus.hearing import Hearing
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.statistics import LineStatistics
from vitrine_gateway.modbus.transports import establish, make

__all__ = ["REFUSALS", "Client", "Damaged", "LineDown", "NoAnswer", "Refused", "place_of"]

_LAST_NUMBER = 0xFFFF


def place_of(connection: Connection, host: str = "", port: int = 0) -> str:
    """Return the name of a line for people: its serial port, or the host and port of its endpoint."""
    return connection.serial_port or f"{host or connection.host}:{port or connection.port}"


class Client:
    """One connection to one endpoint."""

    def __init__(
        self,
        connection: Connection,
        *,
        endpoint: tuple[str, int] | None = None,
        late: LateAnswers | None = None,
        statistics: LineStatistics | None = None,
    ) -> None:
        """Prepare a connection; `late` and `statistics` outlive it where the line keeps them."""
        host, port = endpoint or (connection.host, connection.port)
        self.place = place_of(connection, host, port)
        self._statistics = statistics or LineStatistics(self.place, connection.transport)
        self._hearing = Hearing(connection.transport, late or LateAnswers(), self._statistics, self._fail)
        self._client = make(connection, host, port, self._changed)
        self._line = self._client.ctx
        self._line.callback_data = self._hear  # type: ignore[method-assign]  # pymodbus decodes nothing
        self._numbered, self._number = FRAMINGS[connection.transport] == "mbap", 0
        self._answer: asyncio.Future[Frame] | None = None

    @property
    def connected(self) -> bool:
        """Tell whether the line is open."""
        return bool(self._client.connected)

    @property
    def heard_at(self) -> float:
        """Instant of the last byte heard, or of the opening, on the monotonic clock."""
        return self._hearing.at

    async def open(self, timeout: float) -> None:
        """Open the line; LineDown where that is not possible."""
        await establish(self._client, self.place, timeout)
        self._hearing.at = time.monotonic()

    async def exchange(self, asked: Asked, timeout: float, words: tuple[int, ...] = ()) -> bytes:
        """Send a request and return its answer after the function code; NoAnswer or Refused otherwise."""
        if not self.connected:
            raise LineDown(f"the connection to {self.place} was lost")
        try:
            request = request_bytes(asked, words)
        except ValueError as error:
            raise Refused(2) from error
        frame = await self._ask(asked, request, timeout)
        if frame.function & 0x80:
            raise of_code(frame.payload[0])
        return frame.payload

    def close(self) -> None:
        """Close the line."""
        self._client.close()

    async def _ask(self, asked: Asked, request: bytes, timeout: float) -> Frame:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Frame] = loop.create_future()
        self._answer = answer
        self._number = self._number % _LAST_NUMBER + 1 if self._numbered else 0
        self._hearing.begin(asked)
        end = loop.call_later(timeout, self._fail, NoAnswer(f"no answer within {timeout:g} s"))
        try:
            adu = self._line.framer.encode(request, asked.unit, self._number)
            self._statistics.bytes_sent += len(adu)
            self._line.send(adu)
            return await answer
        finally:
            end.cancel()
            self._hearing.asked = None

    def _changed(self, connected: bool) -> None:
        self._statistics.connected = connected
        if not connected:
            self._hearing.fail(LineDown(f"the connection to {self.place} was lost"))

    def _hear(self, data: bytes, addr: object = None) -> int:
        """Judge all bytes that are not done with yet, and return how many now are; called by pymodbus."""
        try:
            done, frame = self._hearing.hear(data, self._number)
        except NotModbus:
            self.close()
            return len(data)
        if frame and self._answer and not self._answer.done():
            self._answer.set_result(frame)
        return done

    def _fail(self, error: NoAnswer) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error)
