"""From registers to values: every width and order of bytes, scale, and the marks for "no value"."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.i18n import Text
from vitrine.quality import Test
from vitrine_gateway.modbus.decode import decode, raw_value, scaled
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.companion import Companion
from vitrine_gateway.profiles.types import orders_of

FORMATS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f"}
FORMATS["float64"] = "d"


def channel(**changes: object) -> Channel:
    fields = {"key": "x", "name": Text(), "unit": "1", "quantity": "q", "decimals": 0, **changes}
    return Channel(**fields)


TABLE = [
    ([0xFFFE], "int16", "AB", -2),
    ([0xFEFF], "int16", "BA", -2),
    ([0xFFFE], "uint16", "AB", 65534),
    ([0x0001, 0x0002], "uint32", "ABCD", 65538),
    ([0x0002, 0x0001], "uint32", "CDAB", 65538),
    ([0x0200, 0x0100], "uint32", "DCBA", 65538),
    ([0x0100, 0x0200], "uint32", "BADC", 65538),
    ([0xFFFF, 0xFFFF], "int32", "ABCD", -1),
    ([0x4366, 0x3334], "float32", "ABCD", 230.20001220703125),
    ([0x3334, 0x4366], "float32", "CDAB", 230.20001220703125),
    ([0x3433, 0x6643], "float32", "DCBA", 230.20001220703125),
    ([0x6643, 0x3433], "float32", "BADC", 230.20001220703125),
    ([0, 0, 0, 1], "uint64", "ABCDEFGH", 1),
    ([1, 0, 0, 0], "uint64", "GHEFCDAB", 1),
    ([0x0100, 0, 0, 0], "int64", "HGFEDCBA", 1),
    ([0, 0, 0, 0x0100], "int64", "BADCFEHG", 1),
    ([0x3FF8, 0, 0, 0], "float64", "ABCDEFGH", 1.5),
    ([0, 0, 0, 0xF83F], "float64", "HGFEDCBA", 1.5),
    ([0xFE07], "int8", "A-", -2),
    ([0x07FE], "int8", "-A", -2),
    ([0x07FE], "uint8", "-A", 254),
    ([0xFFFF, 0xFFFF, 0xFFFE], "int48", "ABCDEF", -2),
    ([0x0002, 0x0001, 0x0000], "uint48", "EFCDAB", 65538),
    ([0x1234], "bcd16", "AB", 1234),
    ([0x5678, 0x1234], "bcd32", "CDAB", 12345678),
    ([0x0000, 0x0000, 0x0000, 0x0042], "bcd64", "ABCDEFGH", 42),
    ([0x454D, 0x3334, 0x3000], "string", "AB", "EM340"),
    ([0x4D45, 0x3433, 0x0030], "string", "BA", "EM340"),
    ([0x4500, 0x4D00, 0x3300], "string", "A-", "EM3"),
    ([0x0045, 0x004D, 0x0033], "string", "-A", "EM3"),
]


@pytest.mark.parametrize(("words", "kind", "order", "expected"), TABLE)
def test_raw_value(words: list[int], kind: str, order: str, expected: float | str) -> None:
    assert raw_value(words, kind, order) == expected


@given(st.data())
def test_every_order_gives_back_what_was_written(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(FORMATS)))  # those that the struct module knows too
    order = data.draw(st.sampled_from(orders_of(kind)))
    big = data.draw(st.binary(min_size=len(order), max_size=len(order)))
    wire = bytes(big["ABCDEFGH".index(letter)] for letter in order)
    words = [wire[at] << 8 | wire[at + 1] for at in range(0, len(wire), 2)]
    expected = struct.unpack(f">{FORMATS[kind]}", big)[0]
    found = raw_value(words, kind, order)
    assert found == expected or (math.isnan(found) and math.isnan(expected))


def test_a_tenth_is_exact() -> None:
    assert scaled(2301, 0.1, 0) == 230.1
    assert scaled(-1234, 0.001, 0) == -1.234
    assert scaled(3, 3600.0, 0) == 10800.0
    assert scaled(100, 0.1, -40.0) == -30.0


def test_sentinel_is_looked_for_before_the_scale() -> None:
    temperature = channel(type="int16", scale=0.1, invalid=(32767.0,))
    assert decode(temperature, [32767]) == (None, Test.SENTINEL)
    assert decode(temperature, [32766]) == (3276.6, 0)


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0], [0xFF80, 0]])
def test_float_that_is_no_number_is_no_value(words: list[int]) -> None:
    assert decode(channel(type="float32", order="ABCD"), words) == (None, Test.SENTINEL)


def companion(
    address: int, kind: str = "uint16", good: tuple[int, ...] = (), units: dict[int, str] | None = None
) -> Companion:
    return Companion(address=address, type=kind, order="AB", good=good, units=units or {})


def test_digits_that_are_none_are_no_value() -> None:
    assert decode(channel(type="bcd16"), [0x12A4]) == (None, Test.SENTINEL)


@pytest.mark.parametrize(("bits", "value"), [((0, 4), 12), ((4, 4), 11), ((8, 8), 0xFA), ((15, 1), 1)])
def test_bits_are_cut_out_of_their_register(bits: tuple[int, int], value: int) -> None:
    assert decode(channel(bits=bits), [0xFABC]) == (value, 0)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(0xFFFF, (230.1, 0)), (0, (2301, 0)), (2, (230100, 0)), (0x8000, (None, Test.SENTINEL)), (11, (None, 64))],
)
def test_scale_factor_is_taken_from_the_same_answer(factor: int, expected: tuple[float | None, int]) -> None:
    voltage = channel(address=10, scale_factor=companion(13, "int16", good=tuple(range(-10, 11))))
    assert voltage.width == 4
    assert decode(voltage, [2301, 7, 7, factor]) == expected


@pytest.mark.parametrize(("code", "expected"), [(0, (5, 0)), (1, (5000, 0)), (9, (None, Test.SENSOR_STATUS))])
def test_unit_is_converted_or_refused(code: int, expected: tuple[float | None, int]) -> None:
    solids = channel(address=2, unit="mg/L", unit_code=companion(3, units={0: "mg/L", 1: "g/L"}))
    assert decode(solids, [5, code]) == expected


def test_value_that_its_sensor_does_not_trust_is_kept_and_marked() -> None:
    level = channel(address=4, at=1, invalid=(0xFFFF,), quality=companion(4, good=(0, 1)))
    assert decode(level, [1, 42]) == (42, 0)
    assert decode(level, [3, 42]) == (42, Test.SENSOR_STATUS)
    assert decode(level, [3, 0xFFFF]) == (None, Test.SENSOR_STATUS | Test.SENTINEL)
