"""Device identification: what comes damaged or cut short is left out, and takes nothing else with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_gateway.modbus.framing import crc16, find_rtu
from vitrine_gateway.modbus.identification import _read


def answer(*objects: bytes) -> bytes:
    return bytes([14, 1, 1, 0, 0, len(objects)]) + b"".join(
        bytes([number, len(one)]) + one for number, one in enumerate(objects)
    )


def test_objects_of_an_answer() -> None:
    assert _read(answer(b"Maker", b"P-5\0", b"1.0")) == ({0: "Maker", 1: "P-5", 2: "1.0"}, None)


@given(st.lists(st.binary(max_size=20), max_size=3), st.integers(0, 60))
def test_answer_cut_short_gives_what_is_whole(objects: list[bytes], kept: int) -> None:
    whole, _ = _read(answer(*objects))
    cut, _ = _read(answer(*objects)[: 6 + kept])
    assert cut.items() <= whole.items()


@pytest.mark.parametrize("pieces", [1, 3, 100])
def test_serial_frame_is_found_once_it_is_all_there(pieces: int) -> None:
    body = bytes([9, 43]) + answer(b"Maker", b"P-5", b"1.0")
    frame = body + crc16(body).to_bytes(2, "little")
    for end in range(pieces, len(frame), pieces):
        found, done = find_rtu(frame[:end])
        assert (found, done) == ([], 0)
    found, done = find_rtu(frame)
    assert [(one.unit, one.function, one.payload, one.sound) for one in found] == [(9, 43, body[2:], True)]
    assert done == len(frame)
