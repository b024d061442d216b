"""The registers of a SunSpec device around its values: mark, common model, what it does not implement, end.

Sources: SunSpec Device Information Model Specification 1.1; types and places of the points from the model files of
pysunspec2.
"""

from __future__ import annotations

from vitrine_gateway.profiles import Profile
from vitrine_gateway.profiles.sunspec import BASES, MARK, points_of
from vitrine_simulators.registers import encode_text

_COMMON, _COMMON_LENGTH = 1, 66
#: What a point holds that the device does not have, by its type; accumulators and texts hold zeros.
_NOT_IMPLEMENTED = {
    "int16": [0x8000],
    "sunssf": [0x8000],
    "uint16": [0xFFFF],
    "enum16": [0xFFFF],
    "bitfield16": [0xFFFF],
    "pad": [0x8000],
    "int32": [0x8000, 0],
    "uint32": [0xFFFF, 0xFFFF],
    "bitfield32": [0xFFFF, 0xFFFF],
    "float32": [0x7FC0, 0],
}
#: Points of the common model: name, and text; “DA” is the device's own unit id.
_NAMES = {"Mn": "Vitrine", "Md": "simulated", "SN": "1", "Vr": "1"}


def layout(profile: Profile) -> dict[int, int]:
    """Return the registers, by address, of a device that has the profile's first model; none without SunSpec."""
    if profile.sunspec is None:
        return {}
    common, first = BASES[0] + len(MARK), profile.sunspec.usual.first
    found = dict(profile.sunspec.layout())
    blanks = _blanks(_COMMON, common) | _blanks(profile.sunspec.usual.number, first)
    for name, text in _NAMES.items():
        point = points_of(_COMMON)[name]
        blanks |= _at(common + point.at, encode_text(text, point.size, "AB"))
    return {address: word for address, word in (blanks | found).items() if address <= max(found)}


def _blanks(number: int, first: int) -> dict[int, int]:
    """Return what a model holds where nothing is implemented, without its number and length."""
    found: dict[int, int] = {}
    for point in points_of(number).values():
        if point.at >= 2:
            words = _NOT_IMPLEMENTED.get(point.kind, [0] * point.size)
            found |= _at(first + point.at, words)
    return found


def _at(address: int, words: list[int]) -> dict[int, int]:
    return {address + at: word for at, word in enumerate(words)}
