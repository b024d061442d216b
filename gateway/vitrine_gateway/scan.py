"""Looking for instruments on a network or a serial line: reads only, one request at a time on each line.

An instrument is there when it answers anything at all, a refusal included. Which one it is, the identification
registers of the profiles tell, its SunSpec models, and what it says of itself (function 43 / 14); one with none of
these is found, and stays without a name.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection
from vitrine_gateway.modbus.decode import raw_value
from vitrine_gateway.modbus.failures import LineDown, NoAnswer, Refused
from vitrine_gateway.modbus.identification import identification
from vitrine_gateway.modbus.line import Line
from vitrine_gateway.modbus.plan import Request, alone
from vitrine_gateway.modbus.sunspec import discover
from vitrine_gateway.profiles import Identity, Profile, load, names
from vitrine_gateway.profiles.sunspec import Placed, SunSpecPart

#: Hosts that are tried at a time, and how long a connection may take, in seconds.
_AT_ONCE, _CONNECT_S = 64, 1.0
#: More hosts than these are no network of instruments.
MOST_HOSTS = 4096
#: An identity that any register would show so rarely is sure; a weaker one counts only where there is none.
_SURE = 1e-3
_ANYTHING = Request("holding", 0, 1, ())


@dataclass(frozen=True, slots=True)
class Found:
    """An instrument that answers."""

    connection: Connection
    #: Names of the profiles whose identification it has; none where nothing tells.
    profiles: tuple[str, ...]
    #: What its identification registers hold, for people.
    told: str = ""


def hosts_of(text: str) -> list[str]:
    """Return the hosts of a name, an address or a network such as 192.168.1.0/24; ConfigurationError for others."""
    if "/" not in text:
        return [text]
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigurationError(f"“{text}” is no network: {error}", hint="For example 192.168.1.0/24.") from error
    if network.num_addresses > MOST_HOSTS:
        raise ConfigurationError(
            f"“{text}” has {network.num_addresses} addresses", hint=f"Name a network of at most {MOST_HOSTS}."
        )
    return [str(host) for host in network.hosts()]


async def open_hosts(hosts: Sequence[str], port: int) -> list[str]:
    """Return the hosts that take a connection on the port."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def takes(host: str) -> bool:
        async with turn:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _CONNECT_S)
            except (OSError, TimeoutError):
                return False
            writer.close()
            return True

    taken = await asyncio.gather(*map(takes, hosts))
    return [host for host, there in zip(hosts, taken, strict=True) if there]


async def scan_line(connection: Connection, units: Iterable[int]) -> AsyncIterator[tuple[int, Found | None]]:
    """Ask each unit of one line in turn, and give it with what was found; ends where the line is not there."""
    line, marks = Line(connection), identities()
    try:
        for unit in units:
            try:
                yield unit, await _ask(line, replace(connection, unit=unit), marks)
            except LineDown:
                return
    finally:
        line.close()


def identities() -> dict[str, Profile]:
    """Return the profiles that can tell their instrument from others."""
    loaded = ((name, load(name, Path())) for name in names())
    return {name: profile for name, profile in loaded if profile.protocol == "modbus" and profile.identity}


async def _ask(line: Line, connection: Connection, marks: dict[str, Profile]) -> Found | None:
    """Return the instrument of one unit; None where nothing answers, LineDown where the line is not there."""
    try:
        await line.read(_ANYTHING, connection.unit, connection.timeout_s)
    except Refused:
        pass  # it answers, and that is all that was asked
    except LineDown:
        raise
    except NoAnswer:
        return None
    known: dict[tuple[str, int, int], list[int] | None] = {}
    showing = []
    for profile in marks.values():
        values = [await _value(line, connection, mark, known) for mark in profile.identity]
        if all(value in mark.values for value, mark in zip(values, profile.identity, strict=True)):
            showing.append(profile)
    sure = [profile for profile in showing if profile.chance <= _SURE] or showing
    matching = [profile.key for profile in sure]
    told = [mark.meaning.en for profile in sure for mark in profile.identity]
    models = await _models(line, connection)
    matching += [name for name, layout in _sunspec().items() if layout.choose(models)]
    if models:
        told.append(f"SunSpec {', '.join(str(one.number) for one in models)}")
    if said := await identification(line, connection.unit, connection.timeout_s):
        told.append(" ".join(said))
    return Found(connection, tuple(matching), ", ".join(told))


@cache
def _sunspec() -> dict[str, SunSpecPart]:
    """Return what the profiles want whose instrument is known by its SunSpec models."""
    return {name: wanted for name in names() if (wanted := load(name, Path()).sunspec)}


async def _models(line: Line, connection: Connection) -> list[Placed]:
    try:
        return await discover(line, connection.unit, connection.timeout_s)
    except (NoAnswer, Refused):
        return []  # it falls silent where it would have to refuse, or asks for time


async def _value(
    line: Line, connection: Connection, mark: Identity, known: dict[tuple[str, int, int], list[int] | None]
) -> object:
    """Return what an identification register holds; None where the instrument does not give it."""
    place = (mark.table, mark.address, mark.width)
    if place not in known:
        try:
            known[place], _ = await line.read(alone(mark), connection.unit, connection.timeout_s)
        except (Refused, NoAnswer):
            known[place] = None
    words = known[place]
    return None if words is None else raw_value(words, mark.type, mark.order)
