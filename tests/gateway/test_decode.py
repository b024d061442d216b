"""From registers to values: every width and order of bytes, scale, and the marks for "no value"."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.installation import Text
from vitrine.quality import Test
from vitrine_gateway.modbus.decode import decode, raw_value, scaled
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.model import ORDERS, WIDTHS

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
]


@pytest.mark.parametrize(("words", "kind", "order", "expected"), TABLE)
def test_raw_value(words: list[int], kind: str, order: str, expected: float) -> None:
    assert raw_value(words, kind, order) == expected


@given(st.data())
def test_every_order_gives_back_what_was_written(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(FORMATS)))
    order = data.draw(st.sampled_from(ORDERS[WIDTHS[kind]]))
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
