"""What each fault of the bus does to an answer of Modbus."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import replace

from vitrine_simulators.faults.occurrence import Occurrence
from vitrine_simulators.modbus_frames import Request
from vitrine_simulators.modbus_slaves import ILLEGAL_ADDRESS, READ_HOLDING, READ_INPUT, Answer

Effect = Callable[[Occurrence, Request, Answer], Answer | None]

_ERROR = 0x80
_UNITS = 256


def no_answer(fault: Occurrence, request: Request, answer: Answer) -> Answer | None:
    """Say nothing."""
    return None


def late_answer(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Answer after `delay`, when nobody waits any more."""
    return replace(answer, delay_s=answer.delay_s + fault.number("delay"))


def wrong_function(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Answer with the other function that reads registers."""
    other = READ_INPUT if request.body[0] == READ_HOLDING else READ_HOLDING
    return replace(answer, body=bytes([other]) + answer.body[1:])


def wrong_length(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Answer with a register less than was asked for; a refusal stays what it is."""
    function, *rest = answer.body
    if function & _ERROR or not rest or rest[0] < 2:
        return answer
    return replace(answer, body=bytes([function, rest[0] - 2, *rest[1:-2]]))


def wrong_unit(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Answer in the name of the next unit."""
    return replace(answer, unit=(answer.unit + 1) % _UNITS)


def exception(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Refuse with `code`."""
    return replace(answer, body=bytes([request.body[0] | _ERROR, int(fault.number("code"))]))


def truncated(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Stop in the middle of the frame."""
    return replace(answer, spoil=lambda frame: frame[: len(frame) // 2])


def wrong_check_sum(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Change the last byte before the end of a frame, as a disturbed line does."""
    return replace(answer, spoil=_disturbed)


def _disturbed(frame: bytes) -> bytes:
    if frame.endswith(b"\r\n"):  # ASCII: another hexadecimal digit in the check sum
        digit = b"0" if frame[-3:-2] != b"0" else b"1"
        return frame[:-3] + digit + frame[-2:]
    return frame[:-1] + bytes([frame[-1] ^ 0x01])


def illegal_addresses(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Refuse what touches the registers from `first` to `last`, as after another firmware."""
    function, first, count = struct.unpack(">BHH", request.body[:5])
    if first > fault.number("last") or first + count - 1 < fault.number("first"):
        return answer
    return replace(answer, body=bytes([function | _ERROR, ILLEGAL_ADDRESS]))


def one_connection(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Leave answers alone: the connections are what is short."""
    return answer


def slow(fault: Occurrence, request: Request, answer: Answer) -> Answer:
    """Take `byte_time` for each byte."""
    return replace(answer, pause_s=max(answer.pause_s, fault.number("byte_time")))


EFFECTS: dict[str, Effect] = {
    "no-answer": no_answer,
    "late-answer": late_answer,
    "wrong-function": wrong_function,
    "wrong-length": wrong_length,
    "wrong-unit": wrong_unit,
    "exception": exception,
    "truncated": truncated,
    "wrong-check-sum": wrong_check_sum,
    "illegal-addresses": illegal_addresses,
    "one-connection": one_connection,
    "slow": slow,
}


def disturbed(faults: Iterable[Occurrence], request: Request, answer: Answer) -> Answer | None:
    """Return what is left of an answer under some faults, those that began first applied first."""
    for fault in faults:
        changed = EFFECTS[fault.kind](fault, request, answer)
        if changed is None:
            return None
        answer = changed
    return answer
