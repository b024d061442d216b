"""Looking for SunSpec models on a device: its mark, then from model to model; reads only."""

from __future__ import annotations

from vitrine_gateway.modbus.bus import Bus
from vitrine_gateway.modbus.failures import Busy, Refused
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.profiles.sunspec import BASES, END, MARK, Placed

_LAST_ADDRESS = 65535
#: More models than these are no list but a loop of nonsense.
_MOST_MODELS = 64


async def discover(line: Bus, unit: int, timeout: float) -> list[Placed]:
    """Return the models of a device in its order, none where it is not SunSpec; NoAnswer where it is silent."""
    for base in BASES:
        if await _pair(line, base, unit, timeout) == MARK:
            return await _walk(line, base + 2, unit, timeout)
    return []


async def _walk(line: Bus, first: int, unit: int, timeout: float) -> list[Placed]:
    found: list[Placed] = []
    while len(found) < _MOST_MODELS and first < _LAST_ADDRESS:
        head = await _pair(line, first, unit, timeout)
        if head is None or head[0] == END or head[1] == 0:
            break  # some devices have no end mark and refuse what would come
        found.append(Placed(head[0], first, head[1]))
        first += 2 + head[1]
    return found


async def _pair(line: Bus, first: int, unit: int, timeout: float) -> tuple[int, int] | None:
    try:
        words, _ = await line.read(Request("holding", first, 2, ()), unit, timeout)
    except Busy:
        raise  # it says nothing of the register
    except Refused:
        return None
    return words[0], words[1]
