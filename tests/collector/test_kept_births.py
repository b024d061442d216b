"""A collector that was away, or that takes over from another, reads by the births that the database keeps."""

import itertools
import uuid
from collections.abc import Callable

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.process import ServerProcess
from vitrine import uplink
from vitrine.birth_mark import birth_mark
from vitrine.sparkplug import DataType, Metric, Payload, PropertyValue, decode, encode
from vitrine_collector.inbox import Incoming, SessionBegun
from vitrine_collector.members import Members, responsible
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker

from .conftest import QUICK, eventually
from .fake_gateway import T0, FakeGateway, Messages, text
from .test_intake import Bench, bench

__all__ = ["bench"]

NODE = ("pilote", "pi-1")


def metric(name: str = "flow", alias: int | None = 1, **properties: PropertyValue) -> Metric:
    return Metric(name=name, alias=alias, datatype=DataType.DOUBLE, properties=properties)


BASE = (uuid.UUID(int=1), (metric("bdSeq", None),), "meter", (metric(engUnit=text("m3/h")), metric("pressure", 2)))


@pytest.mark.parametrize(
    "other",
    [
        (uuid.UUID(int=2), *BASE[1:]),
        (BASE[0], (metric("bdSeq", None), metric("more", 9)), *BASE[2:]),
        (*BASE[:2], "other", BASE[3]),
        (*BASE[:3], (metric(engUnit=text("L/min")), metric("pressure", 2))),
        (*BASE[:3], (metric(engUnit=text("m3/h")), metric("pressure", 3))),
        (*BASE[:3], (metric(engUnit=text("m3/h")), metric("level", 2))),
        (*BASE[:3], (metric(engUnit=text("m3/h")),)),
    ],
)
def test_births_that_declare_anything_else_have_another_mark(other: tuple) -> None:
    assert 2**34 <= birth_mark(*BASE) < 2**35
    assert birth_mark(*BASE) != birth_mark(*other)


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.floats(allow_nan=False), st.integers(-1000, 1000), st.text())))
def test_a_mark_is_the_same_on_both_ends_of_the_wire(properties: dict) -> None:
    kinds = {float: DataType.DOUBLE, int: DataType.DOUBLE, str: DataType.STRING}
    said = (
        metric(),
        Metric(
            name="level",
            alias=3,
            datatype=DataType.DOUBLE,
            properties={key: PropertyValue(kinds[type(value)], value) for key, value in properties.items()},
        ),
    )
    heard = decode(encode(Payload(metrics=said))).metrics
    values = (Metric(name="flow", alias=1, datatype=DataType.DOUBLE, value=3.5, timestamp=T0), *said[1:])
    assert birth_mark(*BASE[:3], heard) == birth_mark(*BASE[:3], said) == birth_mark(*BASE[:3], values)


def test_records_that_bear_the_mark_of_kept_births_are_read_by_them(bench: Bench) -> None:
    messages = Messages(marked=True)
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}))
    bench.intake.handle(SessionBegun())
    assert bench.all("SELECT online FROM gateway") == [(False,)]
    messages.seq += 30  # what was said meanwhile
    bench.give(messages.ddata({"flow": 2.0}, time_ms=T0 + 1), messages.ddata({"pressure": 3.0}, time_ms=T0 + 2))
    assert bench.all("SELECT value FROM measurement ORDER BY time") == [(1.0,), (2.0,), (3.0,)]
    assert bench.all("SELECT g.online, d.online FROM gateway g JOIN device d USING (gateway_id)") == [(True, True)]
    assert bench.intake.tick() == []
    bench.give(messages.ndeath(messages.bd_seq + 5))
    assert bench.all("SELECT online FROM gateway") == [(False,)], "its session is not known, so any death of it counts"


def born_with_another_unit(messages: Messages) -> None:
    messages.nbirth()
    messages.dbirth({"flow": {uplink.UNIT: text("L/min")}})


def born_with_another_queue(messages: Messages) -> None:
    messages.epoch = uuid.uuid4()
    messages.nbirth()
    messages.dbirth()


@pytest.mark.parametrize("meanwhile", [born_with_another_unit, born_with_another_queue])
def test_births_that_went_unheard_and_said_otherwise_are_asked_for(
    bench: Bench, meanwhile: Callable[[Messages], None]
) -> None:
    messages = Messages(marked=True)
    bench.give(messages.nbirth(), messages.dbirth())
    bench.intake.handle(SessionBegun())
    meanwhile(messages)
    bench.give(messages.ddata({"flow": 1.0}), messages.ddata({"flow": 2.0}))
    assert bench.all("SELECT count(*) FROM measurement") == [(0,)]
    assert bench.intake.tick() == [NODE]
    assert bench.intake.counts["awaited"] == 2
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 3.0}))
    assert bench.all("SELECT value FROM measurement") == [(3.0,)]


def test_a_devices_birth_may_be_the_first_that_is_heard(bench: Bench) -> None:
    messages = Messages(marked=True)
    bench.give(messages.nbirth(), messages.dbirth())
    bench.intake.handle(SessionBegun())
    bench.give(messages.dbirth(), messages.ddata({"flow": 1.0}))
    assert bench.all("SELECT value FROM measurement") == [(1.0,)]
    assert bench.intake.tick() == []
    bench.intake.handle(SessionBegun())
    messages.epoch = uuid.uuid4()
    messages.nbirth()
    bench.give(messages.dbirth())
    assert bench.intake.tick() == [NODE]


def test_a_node_without_marks_is_asked_for_its_births(bench: Bench) -> None:
    messages = Messages(acknowledged=False)
    bench.give(messages.nbirth(), messages.dbirth())
    bench.intake.handle(SessionBegun())
    bench.give(messages.ddata({"flow": 1.0}))
    assert bench.intake.tick() == [NODE]
    assert bench.all("SELECT code FROM rejected") == [("no-birth",)]


def another_has_the_node(bench: Bench) -> tuple[uuid.UUID, ...]:
    """Return the members of which another has the node, as the intake knows them."""
    members: Members = bench.intake._members
    others = (uuid.UUID(int=number) for number in itertools.count(1))
    alive = next(both for one in others if responsible(both := tuple(sorted((members.me, one))), NODE) == one)
    members.alive = alive
    bench.intake.tick()
    return alive


@pytest.mark.parametrize("acknowledged", [True, False])
def test_the_nodes_of_a_dead_collector_are_taken_over_without_a_question(bench: Bench, acknowledged: bool) -> None:
    messages = Messages(acknowledged=acknowledged)
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}))
    another_has_the_node(bench)
    bench.give(messages.ddata({"flow": 2.0}, time_ms=T0 + 1))
    assert bench.intake.counts["others"] == 1
    bench.intake._members.alive = (bench.intake._members.me,)
    assert bench.intake.tick() == []
    bench.give(messages.ddata({"flow": 3.0}, time_ms=T0 + 2))
    assert bench.all("SELECT value FROM measurement ORDER BY time") == [(1.0,), (3.0,)]
    assert bench.all("SELECT online FROM gateway") == [(True,)]


def test_births_of_anothers_nodes_count_when_it_dies_over_them(bench: Bench) -> None:
    messages = Messages(acknowledged=False)
    bench.give(messages.nbirth(), messages.dbirth())
    another_has_the_node(bench)
    messages.channels = ("pressure", "flow")  # the aliases have changed places
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 2.0}))
    bench.intake._members.alive = (bench.intake._members.me,)
    assert bench.intake.tick() == []
    bench.give(messages.ddata({"flow": 3.0}, time_ms=T0 + 1))
    assert bench.all("SELECT key, value FROM measurement JOIN channel USING (channel_id)") == [("flow", 3.0)]
    assert bench.accounted() == bench.intake.counts["received"]
    another_has_the_node(bench)
    bench.give(messages.ndeath())
    bench.intake._members.alive = (bench.intake._members.me,)
    assert bench.intake.tick() == [NODE]
    assert bench.all("SELECT online FROM gateway") == [(False,)]


def test_a_message_of_a_stranger_leaves_little_behind(bench: Bench) -> None:
    topic = "spBv1.0/nobody/DDATA/{}/meter"
    payload = Messages().ddata({"flow": 1.0})[1]
    for number in range(50):
        bench.intake.handle(Incoming(topic.format(number), payload, 1e9))
    assert len(bench.intake._succession._useless) == 50
    bench.intake.handle(SessionBegun())
    assert not bench.intake._succession._useless


@pytest.mark.plain
def test_a_restart_under_load_asks_for_no_birth(
    database_url: str, database: psycopg.Connection, mosquitto: ServerProcess, make_gateway: Callable[..., FakeGateway]
) -> None:
    def collector() -> Collector:
        made = Collector(database_url, Broker(host="127.0.0.1", port=mosquitto.port), QUICK)
        made.start()
        assert made.host.online.wait(20)
        return made

    gateways = [make_gateway(Messages(group=f"pilote-{number}", marked=True)) for number in range(5)]
    first = collector()
    for gateway in gateways:
        gateway.give_birth()
    sent = 0

    def send(count: int) -> None:
        nonlocal sent
        for index in range(sent, sent + count):
            for gateway in gateways:
                gateway.send_soon(gateway.messages.ddata({"flow": float(index)}, record=index + 1, time_ms=T0 + index))
        sent += count

    send(100)
    assert all(gateway.wait_acknowledged(1) for gateway in gateways)
    send(100)
    first.stop()
    send(100)
    second = collector()
    try:
        send(100)
        # What was not acknowledged is sent again, as a gateway does.
        for gateway in gateways:
            for index in range(sent):
                if index + 1 not in gateway.acknowledged:
                    message = {"flow": float(index)}
                    gateway.send_soon(gateway.messages.ddata(message, record=index + 1, time_ms=T0 + index))
        assert all(gateway.wait_acknowledged(sent) for gateway in gateways)
        assert second.intake.counts["births"] == 0
    finally:
        second.stop()
    assert [gateway.rebirths for gateway in gateways] == [0] * 5
    assert database.execute("SELECT count(*), count(DISTINCT (channel_id, time)) FROM measurement").fetchone() == (
        5 * sent,
        5 * sent,
    )
    eventually(lambda: database.execute("SELECT bool_and(online) FROM gateway").fetchone() == (True,))
