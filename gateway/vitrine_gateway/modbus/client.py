"""One connection with one request at a time, through pymodbus: what answers a request, and what does not.

pymodbus compares an answer's unit and transaction only, and gives up a connection when one of several units is silent
(its issues 1654 and 2636). So it opens, sends and times out; each frame that comes is judged here.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import cast

from pymodbus import ModbusException
from pymodbus.exceptions import ConnectionException
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from vitrine.installation import Connection
from vitrine_gateway.modbus.asked import FUNCTIONS, WRITE, Asked, asked_of, words_of
from vitrine_gateway.modbus.failures import (
    REFUSALS,
    Damaged,
    LineDown,
    NoAnswer,
    Refused,
    of_code,
)
from vitrine_gateway.modbus.framing import IDENTIFY, Frame, NotModbus
from vitrine_gateway.modbus.hearing import Hearing
from vitrine_gateway.modbus.late import LateAnswers
from vitrine_gateway.modbus.statistics import LineStatistics
from vitrine_gateway.modbus.transports import establish, make
from vitrine_gateway.profiles.model import Table

__all__ = ["REFUSALS", "Client", "Damaged", "LineDown", "NoAnswer", "Refused", "place_of"]

_METHODS = {1: "read_coils", 2: "read_discrete_inputs", 3: "read_holding_registers", 4: "read_input_registers"}
_NEVER = 1 << 30


def place_of(connection: Connection, host: str = "", port: int = 0) -> str:
    """Return the name of a line for people: its serial port, or the host and port of its endpoint."""
    return connection.serial_port or f"{host or connection.host}:{port or connection.port}"


@dataclass(slots=True)
class _Answer:
    """What pymodbus hands back to who waits; the fields with values are those that it compares or sets."""

    dev_id: int
    frame: Frame
    transaction_id: int = 0
    retries: int = 0


class _Start(ReadHoldingRegistersRequest):
    """A read of no register, which pymodbus would not send."""

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, 0)


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
        context = self._client.ctx
        # _Answer is all of a PDU that is used of it
        context.framer.handleFrame = self._hear  # type: ignore[method-assign, assignment]
        context.trace_packet = self._count_sent
        context.max_until_disconnect = context.count_until_disconnect = _NEVER

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

    async def read(self, table: Table, first: int, count: int, unit: int, timeout: float) -> list[int]:
        """Read registers; NoAnswer or Refused where they do not come."""
        return words_of(await self.exchange(asked_of(unit, FUNCTIONS[table], first, count), timeout))

    async def exchange(self, asked: Asked, timeout: float, words: tuple[int, ...] = ()) -> bytes:
        """Send a request and return its answer after the function code; NoAnswer or Refused otherwise."""
        context = self._client.ctx
        if not self.connected:
            raise LineDown(f"the connection to {self.place} was lost")
        context.comm_params.timeout_connect = timeout
        context.count_until_disconnect = _NEVER
        self._hearing.begin(asked)
        try:
            answer = cast(_Answer, await self._send(asked, words))
        except ConnectionException as error:
            raise LineDown(f"the connection to {self.place} was lost") from error
        except (ModbusException, OSError) as error:
            raise NoAnswer(f"no answer within {timeout:g} s") from error
        except ValueError as error:  # pymodbus sends no address or count that the standard does not know
            raise Refused(2) from error
        finally:
            self._hearing.asked = None
        if answer.frame.function & 0x80:
            raise of_code(answer.frame.payload[0])
        return answer.frame.payload

    def close(self) -> None:
        """Close the line."""
        self._client.close()

    def _send(self, asked: Asked, words: tuple[int, ...]) -> Awaitable[object]:
        if asked.function == WRITE:
            return self._client.write_registers(asked.first, list(words), device_id=asked.unit)
        if asked.function == IDENTIFY:
            return self._client.read_device_information(read_code=1, object_id=asked.first, device_id=asked.unit)
        if not asked.count:
            request = _Start(address=asked.first, dev_id=asked.unit)
            return cast("Awaitable[object]", self._client.execute(False, request))
        method = getattr(self._client, _METHODS[asked.function])
        return cast("Awaitable[object]", method(asked.first, count=asked.count, device_id=asked.unit))

    def _count_sent(self, sending: bool, data: bytes) -> bytes:
        if sending:
            self._statistics.bytes_sent += len(data)
        return data

    def _changed(self, connected: bool) -> None:
        self._statistics.connected = connected
        if not connected:
            self._hearing.fail(LineDown(f"the connection to {self.place} was lost"))

    def _hear(self, data: bytes, _unit: int, transaction: int) -> tuple[int, _Answer | None]:
        """Judge what came; called by pymodbus with all bytes that are not done with yet."""
        unit = self._hearing.asked.unit if self._hearing.asked else 0
        try:
            done, frame = self._hearing.hear(data, transaction)
        except NotModbus:
            self.close()
            return len(data), None
        return done, _Answer(unit, frame) if frame else None

    def _fail(self, error: NoAnswer) -> None:
        if not (future := self._client.ctx.response_future).done():
            future.set_exception(error)
