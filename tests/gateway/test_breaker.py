"""When a device is left alone, and that not all of a region are tried anew at once."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_gateway.modbus.breaker import Breaker


def pauses(silences: int) -> list[float]:
    """Return how long a device is left alone after each silence."""
    now, found = 0.0, []
    breaker = Breaker(lambda: now)
    for _ in range(silences):
        breaker.missed()
        begin = now
        while breaker.rests:
            now += 0.01
        found.append(now - begin)
    return found


def test_pauses_double_up_to_a_minute_and_are_never_the_same() -> None:
    both = pauses(12), pauses(12)
    for found in both:
        assert found[:2] == [0.0, 0.0], "two silences are no reason yet"
        for at, pause in enumerate(found[2:]):
            whole = min(60.0, 2.0**at)
            assert 0.5 * whole - 0.02 <= pause <= whole + 0.02
    assert not any(math.isclose(one, other, abs_tol=1e-9) for one, other in zip(both[0][6:], both[1][6:], strict=True))


@given(st.lists(st.sampled_from(["missed", "answered", "later"]), max_size=40))
def test_state_is_what_came_last(steps: list[str]) -> None:
    now, misses = 0.0, 0
    breaker = Breaker(lambda: now)
    for step in steps:
        if step == "later":
            now += 61.0
        else:
            getattr(breaker, step)()
            misses = misses + 1 if step == "missed" else 0
        if misses < 3:
            assert breaker.state == "closed"
        else:
            assert breaker.state == ("half-open" if step == "later" else "open")


@pytest.mark.parametrize("misses", [3, 30])
def test_one_answer_closes_it(misses: int) -> None:
    breaker = Breaker(lambda: 0.0)
    for _ in range(misses):
        breaker.missed()
    assert (breaker.state, breaker.missing) == ("open", True)
    breaker.answered()
    assert (breaker.state, breaker.missing) == ("closed", False)
