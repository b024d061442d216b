"""The quick way through a data message says what the protobuf library says, or nothing."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine import uplink
from vitrine.sparkplug import DataType, data_payload, double_metric, int64_metric, string_metric
from vitrine_collector import intake as intake_module
from vitrine_collector.births import MetricBirth
from vitrine_collector.decoding import Data, parse, read_data
from vitrine_collector.nodes import Metrics

from .fake_gateway import T0, Messages
from .test_intake import Bench, bench

__all__ = ["bench"]
SOURCES = ("ntp", "rtc", "restamped", "uncertain")
ALIASES = st.lists(st.integers(1, 1 << 40), min_size=6, max_size=12, unique=True)
TIMES = st.integers(T0 - 10**11, T0 + 10**11)


def metrics_of(aliases: Sequence[int]) -> Metrics:
    """Return what a birth says of a device whose record and time source have the last two aliases."""
    *channels, record, source = aliases
    metrics = Metrics()
    for number, alias in enumerate(channels, start=1):
        metrics.add(MetricBirth(name=f"c{number}", alias=alias, datatype=DataType.DOUBLE), number)
    metrics.add(MetricBirth(name=uplink.RECORD, alias=record, datatype=DataType.INT64))
    metrics.add(MetricBirth(name=uplink.TIME_SOURCE, alias=source, datatype=DataType.STRING))
    assert metrics.ending == (record, source)
    return metrics


def message(
    aliases: Sequence[int], times: Sequence[int], number: int, source: str, seq: int, *, historical: bool
) -> bytes:
    *channels, record, origin = aliases
    parts = [
        double_metric(alias, times[place % len(times)], 1.5 * place, historical=historical)
        for place, alias in enumerate(channels)
    ]
    parts.append(int64_metric(record, times[-1], number, historical=historical))
    parts.append(string_metric(origin, times[-1], source, historical=historical))
    return data_payload(T0, seq, parts)


def learned(metrics: Metrics, payload: bytes) -> None:
    metrics.templates.learn(payload, parse(payload), metrics.doubles, metrics.ending)


def by_template(metrics: Metrics, payload: bytes) -> tuple[list[tuple[int, float]], Data, int] | None:
    packed = metrics.templates.find(payload)
    ending = packed and packed[0].ending(payload)
    if not packed or not ending:
        return None
    template, begin = packed
    times_ms, values = template.shape.read([begin])
    number, source, seq = ending
    found = sorted(zip(template.channels.tolist(), times_ms.tolist(), values.tolist(), strict=True))
    return found, Data(record=number, time_source=source), seq


@given(ALIASES, st.lists(TIMES, min_size=1, max_size=3), st.data(), st.booleans())
def test_a_message_like_the_one_before_is_read_alike(
    aliases: list[int], times: list[int], data: st.DataObject, historical: bool
) -> None:
    metrics = metrics_of(aliases)
    learned(metrics, message(aliases, [T0], 1, "ntp", 0, historical=historical))
    number, seq = data.draw(st.integers(1, (1 << 63) - 1)), data.draw(st.integers(0, 255))
    source = data.draw(st.sampled_from(SOURCES))
    payload = message(aliases, times, number, source, seq, historical=historical)
    found = by_template(metrics, payload)
    if source == "uncertain":
        # Each of its values has to say so, which the ordinary way does.
        assert found is None
        return
    assert found is not None
    values, ending, place = found
    said = read_data(parse(payload), metrics)
    assert values == sorted(zip(said.channels, said.times_ms, said.values, strict=True))
    assert (ending.record, ending.time_source, place) == (said.record, said.time_source, seq) == (number, source, seq)


def same_either_way(metrics: Metrics, payload: bytes) -> bool:
    """Tell whether the quick way takes a message; if it does, it must say what the ordinary way says."""
    found = by_template(metrics, payload)
    if found is None:
        return False
    values, ending, seq = found
    said = parse(payload)
    read = read_data(said, metrics)
    there = sorted(zip(read.channels, read.times_ms, read.values, strict=True))
    # What has no time of its own has that of the message; bytes that write a time of zero are no message of ours.
    assert np.array_equal(np.array(values)[:, [0, 2]], np.array(there)[:, [0, 2]], equal_nan=True)
    assert (ending.record, ending.time_source, seq) == (read.record, read.time_source, said.seq)
    return True


def test_no_byte_changes_the_meaning_of_one_way_only() -> None:
    aliases = [1, 2, 300, 4, 5, 1 << 35, 7]
    metrics = metrics_of(aliases)
    usual = message(aliases, [T0], 1 << 20, "ntp", 200, historical=True)
    learned(metrics, usual)
    taken = 0
    for place in range(len(usual)):
        for byte in range(256):
            taken += same_either_way(metrics, usual[:place] + bytes([byte]) + usual[place + 1 :])
    # Times, values, the record's number and the place in the sequence are free; all else is not.
    assert 0.3 < taken / (256 * len(usual)) < 0.8


@given(ALIASES, st.integers(0, 10_000), st.binary(max_size=3))
def test_bytes_that_come_or_go_do_not_change_it_either(aliases: list[int], place: int, put: bytes) -> None:
    metrics = metrics_of(aliases)
    payload = message(aliases, [T0], 77, "ntp", 5, historical=False)
    learned(metrics, payload)
    place %= len(payload)
    same_either_way(metrics, payload[:place] + put + payload[place + 1 :])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Messages that the protobuf library has read."""
    read: list[bytes] = []

    def counting(payload: bytes) -> Any:
        read.append(payload)
        return parse(payload)

    monkeypatch.setattr(intake_module, "parse", counting)
    return read


def test_usual_messages_take_the_quick_way_and_others_the_ordinary_one(bench: Bench, counted: list[bytes]) -> None:
    channels = [f"c{number}" for number in range(5)]
    messages = Messages(channels=channels)
    bench.give(messages.nbirth(), messages.dbirth())
    values = dict.fromkeys(channels, 1.0)
    bench.give(messages.ddata(values))
    counted.clear()
    bench.give(*(messages.ddata(values, time_ms=T0 + 1000 * step) for step in range(1, 300)))
    assert counted == []
    again = messages.ddata(values, time_ms=T0 + 299_000, record=300)
    bench.give(again)
    assert (counted, bench.intake.counts["repeated"]) == ([], 1)
    unusual = [
        messages.ddata(values, time_ms=T0 + 300_000, record=301, tests=1),
        messages.ddata(values, time_ms=T0 + 301_000, source="uncertain"),
        messages.ddata({"c0": 2.0}, time_ms=T0 + 302_000),
    ]
    bench.give(*unusual)
    assert len(counted) >= 3
    assert bench.all("SELECT count(*), count(*) FILTER (WHERE quality = 3) FROM measurement") == [(5 * 302 + 1, 5)]
    assert bench.all("SELECT held::text, repeated FROM delivery") == [("{[1,304)}", 1)]
    assert bench.all("SELECT source, records::text FROM time_source ORDER BY source") == [
        ("ntp", "{[1,302),[303,304)}"),
        ("uncertain", "{[302,303)}"),
    ]


def test_a_usual_message_behind_a_hole_waits_for_what_is_missing(bench: Bench) -> None:
    channels = [f"c{number}" for number in range(5)]
    messages = Messages(channels=channels)
    bench.give(messages.nbirth(), messages.dbirth())
    values = dict.fromkeys(channels, 1.0)
    bench.give(messages.ddata(values))
    late, early = (messages.ddata(values, time_ms=T0 + 1000 * step) for step in (1, 2))
    bench.give(early)
    assert bench.all("SELECT count(*) FROM measurement") == [(5,)]
    bench.give(late)
    assert bench.all("SELECT count(*) FROM measurement") == [(15,)]
    assert bench.intake.counts["records"] == 3


def test_messages_of_now_take_the_quick_way_too(bench: Bench, counted: list[bytes]) -> None:
    channels = [f"c{number}" for number in range(5)]
    messages = Messages(channels=channels, marked=True)
    bench.give(messages.nbirth(), messages.dbirth())
    now = time.time_ns() // 1_000_000
    bench.give(*(messages.ddata(dict.fromkeys(channels, 1.0), time_ms=now + step) for step in range(5)))
    assert len(counted) == 1 + 2
