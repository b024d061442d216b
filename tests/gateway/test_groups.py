"""Channels of one device with periods of their own: a fast subset, a slow full set, on the wall clock's multiples."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.errors import InstallationError
from vitrine_gateway.instruments import Instruments, _Group
from vitrine_gateway.modbus.load import loads
from vitrine_gateway.reading import Sample

from .modbus_server import modbus_server
from .sites import device, site, tcp, write_profile

SLOW = '[[device.channel]]\nkey = "fast"\n[[device.channel]]\nkey = "slow"\nevery = "500 ms"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_profile(tmp_path, ("fast", 0, "uint16", "holding"), ("slow", 1, "uint16", "holding"))
    return tmp_path


def test_each_channel_in_its_own_period_and_together_when_both_are_due(folder: Path) -> None:
    samples: list[Sample] = []

    async def follow() -> list[tuple[int, int, int]]:
        async with modbus_server() as server:
            server.unit(1).holding = {0: 10, 1: 20}
            instruments = Instruments(site(folder, device("d", tcp(server.port), more=SLOW)), samples.append)
            running = asyncio.create_task(instruments.run())
            while sum(reading.channel == "slow" for sample in samples for reading in sample.readings) < 4:
                await asyncio.sleep(0.05)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return server.unit(1).asked

    asked = asyncio.run(asyncio.wait_for(follow(), 60))
    assert {(first, count) for _, first, count in asked} == {(0, 1), (0, 2)}
    channels = [{reading.channel for reading in sample.readings} for sample in samples]
    assert channels.count({"fast"}) > channels.count({"fast", "slow"})
    assert {"slow"} not in channels


def test_periods_are_told_in_plan_and_birth(folder: Path) -> None:
    whole = site(folder, device("d", tcp(1), more=SLOW))
    assert whole.devices[0].groups == {0.1: frozenset({"fast"}), 0.5: frozenset({"slow"})}
    (line,) = loads(whole)
    assert [(one.every_s, one.requests[0].registers) for one in line.devices] == [(0.1, 1), (0.5, 1)]


@given(every=st.floats(0.1, 100), begin=st.floats(0, 1e6), delays=st.lists(st.floats(0, 1000), min_size=1, max_size=20))
def test_slots_stay_on_their_grid_and_each_is_used_or_counted_as_missed(
    every: float, begin: float, delays: list[float]
) -> None:
    group, now, missed = _Group(frozenset(), every, begin), begin, 0
    for delay in delays:
        now = max(now, group.due) + delay
        missed += group.advance(now)
        assert group.due > now - 1e-6
        slots = round((group.due - begin) / every)
        assert group.due == pytest.approx(begin + slots * every, rel=1e-9)
    assert round((group.due - begin) / every) == len(delays) + missed


def test_phase_is_shorter_than_the_period(folder: Path) -> None:
    assert site(folder, device("d", tcp(1), every="1 s", more='phase = "500 ms"')).devices[0].device.phase_s == 0.5
    with pytest.raises(InstallationError) as caught:
        site(folder, device("d", tcp(1), every="1 s", more='phase = "1 s"'))
    assert caught.value.problems[0].key == "device[1].phase"
