"""Sets of record numbers behave as sets, whatever the order of what happens to them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.ranges import Ranges

_pair = st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda p: (p[0], p[0] + p[1]))
_steps = st.lists(st.tuples(st.sampled_from(["add", "put", "remove"]), _pair), max_size=40)


@given(_steps)
def test_ranges_are_a_set_of_numbers(steps: list[tuple[str, tuple[int, int]]]) -> None:
    ranges, oracle = Ranges(), set[int]()
    for action, (first, last) in steps:
        numbers = set(range(first, last + 1))
        if action == "add":
            ranges.add(first, last)
            oracle |= numbers
        elif action == "put":
            assert ranges.put(first) is (first not in oracle)
            oracle.add(first)
        else:
            ranges.remove(first, last)
            oracle -= numbers
    assert {n for first, last in ranges for n in range(first, last + 1)} == oracle
    assert len(ranges) == len(oracle)
    assert all((n in ranges) == (n in oracle) for n in range(-1, 80))
    pairs = list(ranges)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(pairs)), "neighbours are one range"
    assert Ranges.parse(str(ranges)) == ranges


@pytest.mark.parametrize("text", ["a", "3-1", "1,,2", "1-2-3"])
def test_what_is_no_set_of_ranges_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Ranges.parse(text)
