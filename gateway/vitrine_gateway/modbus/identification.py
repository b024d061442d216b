"""What an instrument says of itself: maker, product code and revision, by function 43 / 14.

Source: MODBUS Application Protocol V1.1b3, 6.21 (Read Device Identification, basic objects 0 to 2).
"""

from __future__ import annotations

from vitrine_gateway.modbus.asked import asked_of
from vitrine_gateway.modbus.failures import NoAnswer, Refused
from vitrine_gateway.modbus.framing import IDENTIFY
from vitrine_gateway.modbus.line import Line

_INTERFACE = 14
#: The objects that each instrument with this function has.
_BASIC = (0, 1, 2)
_MORE = 0xFF


async def identification(line: Line, unit: int, timeout: float) -> tuple[str, ...]:
    """Return maker, product code and revision; nothing of an instrument that does not know the function."""
    found: dict[int, str] = {}
    wanted: int | None = 0
    for _ in _BASIC:  # one answer may hold one object only
        try:
            payload, _ = await line.ask(asked_of(unit, IDENTIFY, wanted or 0, 0), timeout)
        except (Refused, NoAnswer):
            break
        objects, wanted = _read(payload)
        found |= objects
        if wanted is None:
            break
    return tuple(found[number] for number in _BASIC if found.get(number))


def _read(payload: bytes) -> tuple[dict[int, str], int | None]:
    """Return the objects of an answer, and which one to ask for next; what is cut short is left out."""
    interface, _, _, more, following, count = payload[:6]
    found: dict[int, str] = {}
    at = 6
    for _ in range(count if interface == _INTERFACE else 0):
        start = at + 2
        end = start + payload[at + 1] if start <= len(payload) else start
        if end > len(payload):
            break
        found[payload[at]] = payload[start:end].decode("latin-1").strip("\0 ")
        at = end
    return found, following if more == _MORE and following in _BASIC and following not in found else None
