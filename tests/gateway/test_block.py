"""The values of a whole request, unpacked at once, are those that each channel's own registers give."""

import math

from hypothesis import given
from hypothesis import strategies as st

from vitrine.i18n import Text
from vitrine_gateway.modbus.block import Block
from vitrine_gateway.modbus.decode import decode
from vitrine_gateway.modbus.plan import Request
from vitrine_gateway.profiles import Channel
from vitrine_gateway.profiles.companion import EXPONENTS, Companion
from vitrine_gateway.profiles.types import WIDTHS, orders_of
from vitrine_gateway.site import SiteChannel

from .test_decode import channel

AT = 12.5
ADDRESSES = st.integers(0, 30)


@st.composite
def companions(draw: st.DrawFn, start: int) -> dict[str, object]:
    """A register beside the value that says how it is to be understood, mostly none."""
    kind = draw(st.sampled_from(["", "", "", "quality", "scale_factor"]))
    if not kind:
        return {}
    good = (0, 1) if kind == "quality" else EXPONENTS
    return {kind: Companion(address=start + draw(st.integers(0, 4)), type="int16", order="AB", good=good)}


@st.composite
def channels(draw: st.DrawFn, key: str) -> Channel:
    kind = draw(st.sampled_from(sorted(WIDTHS)))
    address = draw(ADDRESSES)
    return channel(
        key=key,
        address=address,
        at=draw(st.integers(0, 2)),
        type=kind,
        order=draw(st.sampled_from(orders_of(kind))),
        scale=draw(st.sampled_from([1.0, 0.1, 0.001, 3.7, 10.0])),
        offset=draw(st.sampled_from([0.0, -40.0])),
        invalid=draw(st.sampled_from([(), (0,), (0xFFFF, -1)])),
        bits=(1, 3) if kind == "uint16" and draw(st.booleans()) else None,
        **draw(companions(address)),
    )


def of_site(source: Channel, scale: float, shift: float) -> SiteChannel:
    return SiteChannel(
        key=source.key, name=Text(), unit=source.unit, quantity=source.quantity, decimals=0, source=source,
        scale=scale, shift=shift, every_s=1.0, accuracy="", calibration=None, rules=None,
    )  # fmt: skip


@given(st.data())
def test_block_reads_what_each_channel_reads(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    sources = tuple(data.draw(channels(f"c{number}")) for number in range(count))
    scale, shift = data.draw(st.sampled_from([(1.0, 0.0), (1000.0, 0.0), (1.8, 32.0)]))
    first = min(source.address for source in sources)
    registers = max(source.address + source.width for source in sources) - first
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=registers, max_size=registers))
    site = {source.key: of_site(source, scale, shift) for source in sources}
    block = Block(Request("holding", first, registers, sources), site)
    readings = {one.channel: one for one in block.readings(words, AT)}
    assert len(readings) == count
    for source in sources:
        value, tests = decode(source, words[source.address - first :])
        found = readings[source.key]
        assert (found.at, found.tests, found.own_ms) == (AT, tests, None)
        expected = None if value is None else value * scale + shift
        assert found.value == expected or (math.isnan(found.value or 0.0) and math.isnan(expected or 0.0))


def test_request_for_an_identity_alone_has_no_values() -> None:
    assert Block(Request("holding", 0, 2, ()), {}).readings([1, 2], AT) == []
