"""Frames in what a line gives, and how long to wait for them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.installation import Connection
from vitrine_gateway.modbus.framing import FINDERS, Framing, NotModbus, crc16, find_ascii, find_mbap, find_rtu
from vitrine_gateway.modbus.timing import FLOOR, RoundTrip, Wire

from .paced_bus import ascii_frame, body_of, rtu

ANSWER = body_of(1, b"\x03\x00\x0a\x00\x03")


def mbap(transaction: int, unit: int, body: bytes) -> bytes:
    return transaction.to_bytes(2, "big") + b"\x00\x00" + (len(body) + 1).to_bytes(2, "big") + bytes([unit]) + body


def test_check_sum_of_the_standard() -> None:
    """Modbus over Serial Line V1.02, appendix B: 02 07 gives 41 12."""
    assert crc16(b"\x02\x07").to_bytes(2, "little") == b"\x41\x12"


@pytest.mark.parametrize(
    ("framing", "frame"),
    [("rtu", rtu(1, ANSWER)), ("ascii", ascii_frame(1, ANSWER)), ("mbap", mbap(5, 1, ANSWER))],
)
def test_frame_in_pieces_of_any_size(framing: Framing, frame: bytes) -> None:
    for cut in range(len(frame)):
        assert FINDERS[framing](frame[:cut])[0] == []
    (found,), done = FINDERS[framing](frame)
    assert (found.unit, found.function, found.payload, found.sound) == (1, 3, ANSWER[1:], True)
    assert done == len(frame)


@pytest.mark.parametrize(("framing", "frame"), [("rtu", rtu(1, ANSWER)), ("ascii", ascii_frame(1, ANSWER))])
def test_every_flipped_bit_is_found(framing: Framing, frame: bytes) -> None:
    for at in range(len(frame) * 8):
        spoilt = bytearray(frame)
        spoilt[at // 8] ^= 1 << at % 8
        found, _ = FINDERS[framing](bytes(spoilt))
        same = [one for one in found if one.sound and one.payload != ANSWER[1:]]
        assert not same  # a hexadecimal digit in the other case is still the same digit


@given(st.binary(max_size=20), st.sampled_from([b"", b"\x00", b"\x01\x03\x06"]))
def test_frame_behind_noise(noise: bytes, more: bytes) -> None:
    found, _ = find_rtu(noise + more + rtu(9, ANSWER))
    assert any(frame.unit == 9 and frame.payload == ANSWER[1:] for frame in found)
    found, _ = find_ascii(noise.replace(b":", b"") + ascii_frame(9, ANSWER))
    assert any(frame.unit == 9 and frame.payload == ANSWER[1:] for frame in found)


@given(st.sampled_from(["rtu", "ascii", "mbap"]), st.binary(max_size=300))
def test_nothing_that_comes_breaks_it(framing: Framing, data: bytes) -> None:
    with contextlib.suppress(NotModbus):
        found, done = FINDERS[framing](data)
        assert 0 <= done <= len(data)
        assert all(len(frame.payload) < 260 for frame in found)


def test_several_frames_and_a_short_refusal() -> None:
    found, done = find_mbap(mbap(1, 1, ANSWER) + mbap(2, 1, b"\x83\x02") + mbap(3, 1, ANSWER)[:9])
    assert [(frame.transaction, frame.function) for frame in found] == [(1, 3), (2, 0x83)]
    assert done == 9 + len(ANSWER) - 2 + 9
    counted_one_too_few = b"\x00\x01\x00\x00\x00\x02\x01\x83\x02"
    assert find_mbap(counted_one_too_few)[0][0].payload == b"\x02"


@pytest.mark.parametrize("data", [b"\x00\x01\x00\x07\x00\x05\x01\x03", b"\x00\x01\x00\x00\xff\xff\x01\x03"])
def test_stream_out_of_step(data: bytes) -> None:
    with pytest.raises(NotModbus, match=r"does not speak Modbus TCP$"):
        find_mbap(data)


def test_timeout_after_rfc_6298() -> None:
    usual = RoundTrip()
    assert usual.timeout(3.0) == 3.0
    usual.learn(0.2)
    assert usual.timeout(3.0) == 3.0
    usual.missed()
    assert usual.timeout(3.0) == pytest.approx(0.2 + 4 * 0.1)
    usual.learn(0.28)
    assert usual.timeout(3.0) == pytest.approx(0.21 + 4 * (0.75 * 0.1 + 0.25 * 0.08))
    for _ in range(200):
        usual.learn(0.001)
    assert usual.timeout(0.1) == 0.1
    for doubled in (FLOOR, 0.4, 0.8, 1.6, 3.0, 3.0):
        assert usual.timeout(3.0) == pytest.approx(doubled)
        usual.missed()
    usual.answered()
    assert usual.timeout(3.0) == 3.0


@pytest.mark.parametrize(
    ("transport", "baudrate", "parity", "silence", "octet"),
    [
        ("rtu", 9600, "E", 3.5 * 11 / 9600, 11 / 9600),
        ("rtu", 115200, "N", 0.00175, 10 / 115200),
        ("ascii", 9600, "E", 0.0, 2 * 11 / 9600),
        ("tcp", 9600, "N", 0.0, 0.0),
    ],
)
def test_time_on_the_wire(transport: str, baudrate: int, parity: str, silence: float, octet: float) -> None:
    connection = Connection(transport=transport, baudrate=baudrate, parity=parity)  # type: ignore[arg-type]
    wire = Wire.of(connection)
    assert wire.silence == pytest.approx(silence)
    assert wire.seconds(10) == pytest.approx(10 * octet)
