"""Which records are sent again: oldest first, within a window and a rate, each in the end."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vitrine.ranges import Ranges
from vitrine_gateway.uplink.delivery import Delivery, Pace

PACE = Pace(window=10, rate=100.0, timeout_s=5.0, longest_timeout_s=20.0, delay_s=0.0)


def delivery() -> Delivery:
    one = Delivery(PACE)
    one.start(0.0)
    return one


def send(one: Delivery, pending: Ranges, now: float) -> list[int]:
    chosen = one.due(pending, now)
    for number in chosen:
        one.sent(number, now)
    return chosen


def test_backlog_goes_oldest_first_within_the_window() -> None:
    one = delivery()
    assert send(one, Ranges([(5, 100)]), 1.0) == list(range(5, 15))
    assert send(one, Ranges([(5, 100)]), 2.0) == []
    one.acknowledged(Ranges([(5, 9)]), 2.5)
    assert send(one, Ranges([(10, 100)]), 3.0) == list(range(15, 20))


def test_rate_is_kept() -> None:
    one = Delivery(Pace(window=1000, rate=100.0, delay_s=0.0))
    one.start(0.0)
    sent = sum(len(send(one, Ranges([(1, 10_000)]), step / 10)) for step in range(1, 31))
    assert sent <= 300


def test_live_records_are_not_sent_twice() -> None:
    one = delivery()
    one.sent(100, 0.5)
    assert send(one, Ranges([(100, 100)]), 1.0) == []


def test_without_an_answer_it_waits_longer_each_time() -> None:
    one = delivery()
    pending = Ranges([(1, 1)])
    times = [now / 10 for now in range(10, 900) if send(one, pending, now / 10)]
    waits = [round(second - first) for first, second in itertools.pairwise(times)]
    assert waits[:3] == [5, 10, 20]
    assert max(waits) == 20


def test_host_that_comes_back_gets_everything_at_once() -> None:
    one = delivery()
    pending = Ranges([(1, 3)])
    send(one, pending, 1.0)
    one.host_returned(2.0)
    assert send(one, pending, 2.5) == [1, 2, 3]


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=80))
def test_every_record_is_delivered_in_the_end(steps: list[tuple[int, bool]]) -> None:
    one = delivery()
    pending, arrived, now = Ranges([(1, 60)]), set(), 0.0
    for number, lost in steps:
        now += 0.5
        for sent in send(one, pending, now):
            if not lost:
                arrived.add(sent)
        if number in arrived:
            pending.remove(number)
            one.acknowledged(Ranges([(number, number)]), now)
    for _ in range(400):
        now += 1.0
        for sent in send(one, pending, now):
            arrived.add(sent)
            pending.remove(sent)
            one.acknowledged(Ranges([(sent, sent)]), now)
    assert arrived == set(range(1, 61))


def test_backlogs_of_a_region_that_comes_back_begin_at_different_times() -> None:
    begins = []
    for _ in range(60):
        one = Delivery(Pace(delay_s=30.0))
        one.start(100.0)
        at = 100.0
        while not one.due(Ranges([(1, 1)]), at):
            at += 0.05
        begins.append(at - 100.0)
    assert min(begins) >= 0.5
    assert max(begins) <= 30.1
    assert max(begins) - min(begins) > 15.0, "they stampede"
