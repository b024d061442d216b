"""Time: what the wall clock is worth, and samples that are stamped again once it is known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import PayloadError
from vitrine.quality import Test
from vitrine_gateway.clock import PATIENCE, Clock
from vitrine_gateway.kernel_clock import KernelClock, kernel_clock
from vitrine_gateway.reading import Reading, Sample
from vitrine_gateway.record import Record, Value, marked, record_of, restamped
from vitrine_gateway.record_bytes import decode, encode

NOW = 1_790_000_000.0
SAMPLE = Sample("flow", (Reading("a", 100.25, 1.5), Reading("b", 100.5, None, int(Test.NO_ANSWER))))


class Machine:
    """A machine whose clocks a test moves."""

    def __init__(self, *, wall: float = NOW, up: float = 101.0, synchronised: bool = False, chip: bool = False) -> None:
        self.wall, self.up, self.synchronised, self.chip = wall, up, synchronised, chip

    def clock(self, boot: bytes = bytes(16)) -> Clock:
        return Clock(
            wall=lambda: self.wall,
            monotonic=lambda: self.up,
            kernel=lambda: KernelClock(self.synchronised, 0.25 if self.synchronised else None),
            hardware=lambda: self.chip,
            boot=boot,
        )


@pytest.mark.parametrize(
    ("machine", "source"),
    [
        (Machine(synchronised=True), "ntp"),
        (Machine(chip=True), "rtc"),
        (Machine(chip=False), "uncertain"),
        (Machine(chip=True, wall=86_400.0), "uncertain"),
    ],
)
def test_source_of_time(machine: Machine, source: str) -> None:
    assert machine.clock().state().source == source


def test_kernel_can_be_asked() -> None:
    assert isinstance(kernel_clock().synchronised, bool)


def test_sample_is_stamped_by_the_monotonic_clock() -> None:
    machine = Machine(synchronised=True)
    record = record_of(SAMPLE, machine.clock())
    assert [value.time_ms for value in record.values] == [int(NOW * 1000) - 750, int(NOW * 1000) - 500]
    assert record.source == "ntp"


def test_record_of_1970_is_stamped_again_at_synchronisation() -> None:
    machine = Machine(wall=101.0)
    clock = machine.clock()
    record = record_of(SAMPLE, clock)
    assert record.source == "uncertain"
    assert clock.may_improve()
    machine.wall, machine.up, machine.synchronised = NOW + 60, 161.0, True
    again = restamped(decode(encode(record)), clock)
    assert again.source == "restamped"
    assert [value.time_ms for value in again.values] == [int(NOW * 1000) - 750, int(NOW * 1000) - 500]
    assert not again.values[0].tests
    assert not clock.may_improve()


def test_record_of_before_a_power_cut_stays_uncertain_and_says_so() -> None:
    record = record_of(SAMPLE, Machine(wall=101.0).clock(boot=b"1" * 16))
    later = Machine(synchronised=True).clock(boot=b"2" * 16)
    assert restamped(record, later) == record
    assert [value.tests for value in marked(record).values] == [
        Test.TIME_UNCERTAIN,
        Test.TIME_UNCERTAIN | Test.NO_ANSWER,
    ]


def test_patience_ends() -> None:
    assert not Machine(up=PATIENCE + 1).clock().may_improve()


def test_step_of_the_wall_clock_does_not_bend_time_between_samples() -> None:
    machine = Machine(synchronised=True)
    clock = machine.clock()
    first = record_of(SAMPLE, clock).values[0].time_ms
    machine.wall, machine.up = NOW + 1 - 3600, 102.0  # an hour back
    second = record_of(Sample("flow", (Reading("a", 101.25, 1.0),)), clock).values[0].time_ms
    assert second - first == 1000 - 3_600_000


values = st.builds(
    Value,
    st.text(min_size=1, max_size=20),
    st.integers(0, 2**32 - 1).map(lambda ms: 1_700_000_000_000 + ms),
    st.none() | st.floats(allow_nan=False),
    st.integers(0, 511),
)


@given(
    st.builds(
        Record,
        st.text(min_size=1, max_size=40),
        st.binary(min_size=16, max_size=16),
        st.integers(-(2**62), 2**62),
        st.sampled_from(["ntp", "rtc", "restamped", "uncertain"]),
        st.lists(values, min_size=1, max_size=5).map(tuple),
    )
)
def test_record_comes_back_as_it_was(record: Record) -> None:
    told = record if record.source == "uncertain" else replace(record, boot=bytes(16), shift_ms=0)
    assert decode(encode(record)) == told


FORMER = {
    # written by the form before this one, deflated and not
    "0363626060609cb5a7f72403030b576e62669e6e6e6a496a1157597e4e49627aaa6e8e218b739a0203826fc4e19073d8180458d272f2cb9981fa7f"
    "3130b1e6a496a5e6b031b0ec3f001460cf2fca4ccfcc53540400": Record(
        "main-meter",
        bytes(16),
        0,
        "ntp",
        (
            Value("voltage-l1", 1764100000000, 230.125, 0),
            Value("voltage-l2", 1764100000000, 230.1, 0),
            Value("flow", 1764100000250, None, 2),
            Value("level", 1764100000250, -1.5, 4),
        ),
        b"\x00\x07origin!!",
    ),
    "0363626660609cb5a7f7249062cc6560646266616563e7e0e4e2e6e1e5e3ff0f01bf191359ec1b181800": Record(
        "m", bytes(range(16)), -5, "uncertain", (Value("a", 1764100000000, 1.0, 0),)
    ),
    "02000000019abc8dc9000001016d01610440200000": Record(
        "m", bytes(16), 0, "ntp", (Value("a", 1764100000000, 2.5, 0),)
    ),
}


@pytest.mark.parametrize("former", FORMER)
def test_record_of_a_former_queue_is_read(former: str) -> None:
    assert decode(bytes.fromhex(former)) == FORMER[former]


@given(st.binary(max_size=100))
def test_other_bytes_are_refused_in_words(data: bytes) -> None:
    try:
        decode(data)
    except PayloadError as error:
        assert "record" in str(error)


def test_record_is_small() -> None:
    record = Record("main-meter", bytes(16), 0, "ntp", tuple(Value(f"power-l{n}", 1, 1.5, 0) for n in range(50)))
    assert len(encode(record)) / 50 < 27
