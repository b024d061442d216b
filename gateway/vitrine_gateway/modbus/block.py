"""The channels of one request, and their values from its answer: one unpacking for all that are plain numbers."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping

from vitrine.quality import Test
from vitrine_gateway.modbus.decode import decode, places_of, scaler
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.profiles import Channel
from vitrine_gateway.reading import Reading
from vitrine_gateway.site import SiteChannel

_Converter = Callable[[float | int], float | None]
_SENTINEL, _NO_ANSWER = int(Test.SENTINEL), int(Test.NO_ANSWER)
#: Codes of `struct` for the types that it knows.
_CODES = {
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "float32": "f",
    "int64": "q",
    "uint64": "Q",
    "float64": "d",
}


class Block:
    """One request. What each channel needs is worked out once; `decode` says what it comes to."""

    def __init__(self, request: Request, channels: Mapping[str, SiteChannel]) -> None:
        """Prepare a request; `channels` are those of the site, by key."""
        self.request, self._channels = request, channels
        wanted = [(place, channels[place.key]) for place in request.places if isinstance(place, Channel)]
        plain = [one for one in wanted if _is_plain(one[0])]
        self._others = [one for one in wanted if not _is_plain(one[0])]
        self._keys = tuple(source.key for source, _ in (*plain, *self._others))
        self._converters = [(source.key, _converter(source, site)) for source, site in plain]
        self._wire = struct.Struct(f">{request.count}H")
        self._form = struct.Struct(">" + "".join(_CODES[source.type] for source, _ in plain))
        self._places = _places(request.first, (source for source, _ in plain))

    def split(self) -> list[Block]:
        """Return smaller requests for the same channels; none for a single one."""
        return [Block(part, self._channels) for part in self.request.split()]

    def readings(self, words: list[int], at: float) -> list[Reading]:
        """Return the values that the registers of the request hold, all of the instant `at`."""
        wire, places = self._wire.pack(*words), self._places
        raws = self._form.unpack(wire[places] if isinstance(places, slice) else bytes(map(wire.__getitem__, places)))
        found = []
        for (key, convert), raw in zip(self._converters, raws, strict=True):
            value = convert(raw)
            found.append(Reading(key, at, value, _SENTINEL if value is None else 0))
        if self._others:
            found += self._read_others(words, at)
        return found

    def nothing(self, at: float) -> list[Reading]:
        """Return what is read where no answer comes."""
        return [Reading(key, at, None, _NO_ANSWER) for key in self._keys]

    def _read_others(self, words: list[int], at: float) -> Iterable[Reading]:
        for source, site in self._others:
            value, tests = decode(source, words[source.address - self.request.first :])
            yield Reading(source.key, at, None if value is None else value * site.scale + site.shift, tests)


def _is_plain(source: Channel) -> bool:
    return source.type in _CODES and not source.bits and not source.companions


def _converter(source: Channel, site: SiteChannel) -> _Converter:
    """Return what makes the site's value of a raw number; None is a mark of "no value"."""
    invalid, to_unit, finite = source.invalid, scaler(source.scale, source.offset), math.isfinite

    def of_profile(raw: float | int) -> float | None:
        return None if raw in invalid or not finite(raw) else to_unit(raw)

    def of_site(raw: float | int) -> float | None:
        value = of_profile(raw)
        return None if value is None else value * scale + shift

    scale, shift = site.scale, site.shift
    return of_profile if (scale, shift) == (1.0, 0.0) else of_site


def _places(first: int, sources: Iterable[Channel]) -> slice | list[int]:
    """Return where the bytes of plain numbers lie in an answer, each number's most significant one first."""
    places: list[int] = []
    for source in sources:
        start = 2 * (source.value_address - first)
        places += [start + place for place in places_of(source.order)]
    begin = places[0] if places else 0
    end = begin + len(places)
    return slice(begin, end) if places == list(range(begin, end)) else places
