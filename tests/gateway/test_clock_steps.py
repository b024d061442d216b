"""Time under whatever happens to a clock: steps, lost synchronisation, restarts, a start in 1970."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vitrine.quality import Test
from vitrine_gateway.clock import DRIFT, LARGEST_ERROR, STEP, Clock
from vitrine_gateway.kernel_clock import KernelClock
from vitrine_gateway.reading import Reading, Sample
from vitrine_gateway.record import Record, marked, record_of, restamped
from vitrine_gateway.record_bytes import decode, encode

TRUTH = 1_790_000_000.0
#: Milliseconds by which a time that is called right may be wrong: rounding, and a step too small to be told from slewing.
ROUNDING, UNSEEN = 2, STEP * 1000


@dataclass
class Pi:
    """A machine with a true time, a wall clock that may be wrong, and a kernel that knows whether it is set."""

    truth: float = TRUTH
    booted: float = TRUTH - 100.0
    wrong: float = 0.0
    synchronised_at: float | None = None
    boots: int = 1
    chip: bool = False

    @property
    def up(self) -> float:
        return self.truth - self.booted

    def kernel(self) -> KernelClock:
        since = None if self.synchronised_at is None else DRIFT * (self.truth - self.synchronised_at)
        if since is None or since >= LARGEST_ERROR:
            return KernelClock(synchronised=False, offset_ms=None)
        return KernelClock(synchronised=True, offset_ms=0.0, max_error_s=since)

    def clock(self) -> Clock:
        return Clock(
            wall=lambda: self.truth + self.wrong,
            monotonic=lambda: self.up,
            kernel=self.kernel,
            hardware=lambda: self.chip,
            boot=bytes([self.boots]) * 16,
        )

    def set_by_hand(self, seconds: float) -> None:
        self.wrong += seconds
        self.synchronised_at = None  # settimeofday(2) takes the mark away

    def set_by_time_server(self) -> None:
        self.wrong, self.synchronised_at = 0.0, self.truth

    def power_cut(self, off: float, wrong: float) -> None:
        self.truth += off
        self.booted, self.wrong, self.synchronised_at = self.truth - 5.0, wrong, None
        self.boots += 1

    def sample(self, clock: Clock) -> Record:
        reading = Reading("flow", self.up - 0.02, self.truth)  # the value is the true instant
        return decode(encode(record_of(Sample("meter", (reading,)), clock)))


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, -TRUTH, 86_400.0 * 365, 0.5, -0.5])
def test_time_set_by_hand_after_synchronisation_is_not_believed(seconds: float) -> None:
    pi = Pi()
    pi.set_by_time_server()
    clock = pi.clock()
    pi.sample(clock)
    pi.truth += 0.1
    pi.set_by_hand(seconds)
    record = pi.sample(clock)
    assert record.source == "ntp"
    assert abs(record.values[0].time_ms - (pi.truth - 0.02) * 1000) <= ROUNDING
    state = clock.state()
    assert state.holding
    assert state.steps == 1
    assert state.last_step_s == pytest.approx(seconds)
    assert abs(clock.now_ms() - pi.truth * 1000) <= ROUNDING


@pytest.mark.parametrize("wrong", [3600.0, -3600.0, -TRUTH + 60])
def test_step_of_the_time_server_is_followed_at_once(wrong: float) -> None:
    pi = Pi(wrong=wrong)
    clock = pi.clock()
    assert pi.sample(clock).source == "uncertain"
    pi.truth += 0.1
    pi.set_by_time_server()
    record = pi.sample(clock)
    assert record.source == "ntp"
    assert abs(record.values[0].time_ms - (pi.truth - 0.02) * 1000) <= ROUNDING
    assert clock.state().last_step_s == pytest.approx(-wrong)


def test_synchronisation_that_is_long_ago_becomes_uncertain_and_its_samples_are_stamped_again() -> None:
    pi = Pi()
    pi.set_by_time_server()
    clock = pi.clock()
    assert pi.sample(clock).source == "ntp"
    pi.truth += 72 * 3600
    record = pi.sample(clock)
    assert record.source == "uncertain"
    assert clock.state().error_s == pytest.approx(72 * 3600 * DRIFT)
    pi.truth += 60
    pi.set_by_time_server()
    assert restamped(record, clock).source == "restamped"


def test_clock_chip_vouches_for_what_was_synchronised_long_ago_unless_somebody_set_it() -> None:
    pi = Pi(chip=True)
    pi.set_by_time_server()
    clock = pi.clock()
    pi.sample(clock)
    pi.truth += 72 * 3600
    assert clock.state().source == "rtc"
    pi.set_by_hand(7200)
    assert clock.state().source == "uncertain"
    assert abs(clock.now_ms() - pi.truth * 1000) <= ROUNDING


def test_synchronisation_is_asked_again_at_once_after_a_step_and_otherwise_once_a_second() -> None:
    pi = Pi()
    asked: list[float] = []
    clock = Clock(
        wall=lambda: pi.truth + pi.wrong,
        monotonic=lambda: pi.up,
        kernel=lambda: (asked.append(pi.up), pi.kernel())[1],
        hardware=lambda: False,
        boot=bytes(16),
    )
    for _ in range(10):
        clock.state()
        pi.truth += 0.05
    assert len(asked) == 1
    pi.set_by_hand(-10)
    clock.state()
    assert len(asked) == 2


class Life(RuleBasedStateMachine):
    """Samples over the life of a Pi; what was sent must be true, or say that it may not be."""

    @initialize(wrong=st.sampled_from([0.0, -TRUTH + 30, -86_400.0, 3600.0]), chip=st.booleans())
    def begin(self, wrong: float, chip: bool) -> None:
        self.pi = Pi(wrong=wrong, chip=False if wrong else chip)
        self.clock = self.pi.clock()
        self.waiting: list[Record] = []
        self.sent: list[Record] = []

    @rule(seconds=st.floats(0.05, 20.0))
    def measure(self, seconds: float) -> None:
        self.pi.truth += seconds
        self.waiting.append(self.pi.sample(self.clock))

    @rule(seconds=st.floats(600.0, 90_000.0))
    def wait(self, seconds: float) -> None:
        self.pi.truth += seconds

    @rule(seconds=st.sampled_from([-86_400.0, -3600.0, -1.0, 1.0, 3600.0, 86_400.0]))
    def set_by_hand(self, seconds: float) -> None:
        if not self.pi.chip:
            self.pi.set_by_hand(seconds)

    @rule()
    def synchronise(self) -> None:
        self.pi.set_by_time_server()

    @rule()
    def restart_the_gateway(self) -> None:
        self.clock = self.pi.clock()

    @rule(off=st.floats(1.0, 1e6), wrong=st.sampled_from([-TRUTH + 30, -3600.0, 0.0]))
    def power_cut(self, off: float, wrong: float) -> None:
        self.pi.power_cut(off, 0.0 if self.pi.chip else wrong)
        self.clock = self.pi.clock()

    @precondition(lambda self: self.waiting)
    @rule()
    def send(self) -> None:
        if not self.clock.may_improve():
            self.sent += [marked(restamped(record, self.clock)) for record in self.waiting]
            self.waiting.clear()

    @invariant()
    def what_is_called_right_is_right(self) -> None:
        for record in getattr(self, "sent", []):
            for value in record.values:
                assert value.value is not None
                error = abs(value.time_ms - (value.value - 0.02) * 1000)
                certain = not value.tests & Test.TIME_UNCERTAIN
                assert certain == (record.source != "uncertain")
                assert not certain or error <= ROUNDING + UNSEEN, record

    @invariant()
    def order_of_what_is_called_right_is_the_true_one(self) -> None:
        right = [record.values[0] for record in getattr(self, "sent", []) if record.source != "uncertain"]
        for one, other in itertools.pairwise(right):
            assert (one.value or 0) <= (other.value or 0)
            assert one.time_ms <= other.time_ms + ROUNDING


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.floats(-7200, 7200)), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_time_between_samples_is_the_monotonic_clocks_whatever_the_wall_clock_does(
    events: list[tuple[float, float]],
) -> None:
    """Before the first synchronisation too: after it, the samples of one boot lie as they were taken."""
    pi = Pi(wrong=-TRUTH + 40)
    clock = pi.clock()
    records = []
    for pause, step in events:
        pi.truth += pause
        records.append(pi.sample(clock))
        pi.set_by_hand(step)
    pi.truth += 2.0
    pi.set_by_time_server()
    for record in (restamped(record, clock) for record in records):
        assert record.source == "restamped"
        assert record.values[0].value is not None
        assert abs(record.values[0].time_ms - (record.values[0].value - 0.02) * 1000) <= ROUNDING
