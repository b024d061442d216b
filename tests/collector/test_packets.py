"""Messages of QoS 0 taken out of the stream, wherever the network cuts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_collector.buffered import BufferedSocket
from vitrine_collector.packets import UNREADABLE, Heard, Packets


def packet(first: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while length >= 0x80:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((first, *digits, length)) + body


def publish(topic: bytes, payload: bytes, first: int = 0x30, identifier: bytes = b"") -> bytes:
    return packet(first, len(topic).to_bytes(2, "big") + topic + identifier + payload)


TOPICS = st.text(min_size=1, max_size=40)
PAYLOADS = st.binary(max_size=60) | st.binary(min_size=120, max_size=140) | st.just(bytes(17_000))
MESSAGES = st.tuples(TOPICS, PAYLOADS, st.sampled_from((0x30, 0x31)))
OTHERS = st.one_of(
    st.just(b"\xd0\x00"),
    st.just(packet(0x90, b"\x00\x01\x00")),
    st.builds(lambda topic, body: publish(topic.encode(), body, 0x32, b"\x00\x07"), TOPICS, PAYLOADS),
    # A message whose topic is said to be longer than the packet.
    st.just(packet(0x30, b"\x00\x09abc")),
    st.just(packet(0x30, b"\x00")),
)


@given(st.lists(MESSAGES | OTHERS, max_size=12), st.lists(st.integers(1, 200), min_size=1, max_size=30))
def test_messages_come_whole_and_the_others_stay_as_they_are(told: list, cuts: list[int]) -> None:
    stream = b"".join(one if isinstance(one, bytes) else publish(one[0].encode(), one[1], one[2]) for one in told)
    packets, heard, rest, at = Packets(), [], b"", 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        messages, others = packets.take(stream[at : at + size])
        heard, rest, at = heard + messages, rest + others, at + size
    assert heard == [(one[0], one[1]) for one in told if not isinstance(one, bytes)]
    assert rest == b"".join(one for one in told if isinstance(one, bytes))


def test_a_length_that_is_none_is_left_to_the_client_with_all_that_follows() -> None:
    packets, good = Packets(), publish(b"a", b"1")
    messages, others = packets.take(good + b"\x30\xff\xff\xff\xff\x01abc" + good)
    assert messages == [("a", b"1")]
    assert others == b"\x30\xff\xff\xff\xff\x01abc" + good
    assert packets.take(good) == ([], good)


def test_a_topic_that_is_no_text_is_named_so() -> None:
    assert Packets().take(publish(b"\xff\xfe", b"1")) == ([(UNREADABLE, b"1")], b"")


class Wire:
    """A socket that gives what it is told to, and then says that nothing is there."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = list(parts)

    def recv(self, _size: int) -> bytes:
        if not self.parts:
            raise BlockingIOError
        return self.parts.pop(0)


def test_the_client_sees_only_what_is_not_heard() -> None:
    heard: list[Heard] = []
    stream = publish(b"a", b"1") + b"\xd0\x00" + publish(b"b", b"2")
    socket = BufferedSocket(Wire(stream, publish(b"c", b"3"), b""), heard.extend)
    assert socket.recv(1) == b"\xd0"
    assert (socket.pending(), heard) == (1, [("a", b"1"), ("b", b"2")])
    assert socket.recv(100) == b"\x00"
    with pytest.raises(BlockingIOError):
        socket.recv(1)
    assert heard[-1] == ("c", b"3")
    assert socket.recv(1) == b""
