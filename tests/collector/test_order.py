"""Sequence numbers, requests for rebirth, and the inbox."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import PayloadError
from vitrine_collector.inbox import Inbox, Incoming
from vitrine_collector.rebirths import Rebirths
from vitrine_collector.sequence import Reordering

NODE = ("pilote", "pi-1")


@given(start=st.integers(0, 255), count=st.integers(0, 300), seed=st.randoms())
def test_messages_that_change_places_come_out_in_order(start: int, count: int, seed) -> None:
    sequence: Reordering[int] = Reordering(1.0)
    sequence.begin(start)
    sent = list(range(count))
    for at in range(0, count - 8, 8):
        part = sent[at : at + 8]
        seed.shuffle(part)
        sent[at : at + 8] = part
    received = [item for number in sent for item in sequence.take((start + 1 + number) % 256, number, 0.0)]
    assert received == list(range(count))
    assert not sequence.overdue(1e9)


def test_a_hole_holds_what_follows_until_it_is_given_up() -> None:
    sequence: Reordering[str] = Reordering(2.0)
    sequence.begin(0)
    assert sequence.take(1, "a", 0.0) == ["a"]
    assert sequence.take(3, "c", 1.0) == []
    assert not sequence.overdue(2.9)
    assert sequence.overdue(3.0)
    assert sequence.abandon() == ["c"]
    assert not sequence.overdue(9.0)


def test_a_number_that_waits_already_is_no_second_message() -> None:
    sequence: Reordering[str] = Reordering(2.0)
    sequence.begin(0)
    assert sequence.take(3, "c", 1.0) == []
    with pytest.raises(PayloadError, match="two messages bear the seq 3"):
        sequence.take(3, "another", 1.0)
    assert sequence.abandon() == ["c"]


def test_a_node_is_asked_once_and_again_only_after_a_while() -> None:
    rebirths = Rebirths(spread_s=0.0, interval_s=10.0)
    rebirths.want(NODE, 0.0)
    assert rebirths.due(0.0) == [NODE]
    rebirths.want(NODE, 1.0)
    assert rebirths.due(9.9) == []
    assert rebirths.due(10.0) == [NODE]
    rebirths.want(NODE, 11.0)
    assert rebirths.due(29.9) == []
    assert rebirths.due(30.0) == [NODE]


def test_a_birth_ends_the_request_but_not_the_distance() -> None:
    rebirths = Rebirths(spread_s=0.0, interval_s=10.0)
    assert not rebirths.born(NODE)
    rebirths.want(NODE, 0.0)
    rebirths.due(0.0)
    assert rebirths.born(NODE)
    rebirths.want(NODE, 1.0)
    assert rebirths.due(5.0) == []
    assert rebirths.due(10.0) == [NODE]


def test_requests_are_spread() -> None:
    rebirths = Rebirths(spread_s=10.0, seed=1)
    nodes = [("pilote", f"pi-{number}") for number in range(1000)]
    for node in nodes:
        rebirths.want(node, 0.0)
    assert 50 < len(rebirths.due(1.0)) < 200
    assert len(rebirths.due(10.0)) > 800


def test_requests_of_silent_nodes_are_forgotten() -> None:
    rebirths = Rebirths(spread_s=0.0)
    rebirths.want(NODE, 0.0)
    rebirths.due(0.0)
    rebirths.due(10_000.0)
    assert not rebirths.born(NODE)


def message(size: int = 0) -> Incoming:
    return Incoming("topic", bytes(size), 0.0)


def test_a_full_inbox_takes_nothing_more() -> None:
    inbox = Inbox(max_messages=2)
    assert inbox.put([message()])
    assert inbox.put([message()])
    assert not inbox.put([message()])
    assert len(inbox.take(0)) == 2
    assert inbox.put([message()])


def test_an_inbox_is_bounded_in_bytes_too() -> None:
    inbox = Inbox(max_bytes=100)
    assert inbox.put([message(1000)])
    assert not inbox.put([message()])


def test_who_waits_for_room_gets_it() -> None:
    inbox = Inbox(max_messages=1)
    inbox.put([message()])
    taken: list[bool] = []
    waiting = threading.Thread(target=lambda: taken.append(inbox.put([message()], patience_s=30)))
    waiting.start()
    assert len(inbox.take(10)) == 1
    waiting.join(30)
    assert taken == [True]
    assert inbox.take(0) == [message()]
