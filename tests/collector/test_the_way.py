"""Over a real broker into a real database: births, data, acknowledgements, and what goes wrong on the way."""

from collections.abc import Callable

import psycopg

from vitrine_collector.service import Collector

from .conftest import eventually
from .fake_gateway import T0, FakeGateway, Messages

MakeCollector = Callable[[], Collector]
MakeGateway = Callable[..., FakeGateway]


def count(database: psycopg.Connection, table: str) -> int:
    return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_births_make_channels_and_data_are_acknowledged_after_commit(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    make_collector()
    gateway = make_gateway()
    gateway.give_birth()
    for index in range(50):
        gateway.send(gateway.messages.ddata({"flow": 1.5 + index, "pressure": None}, time_ms=T0 + 1000 * index))
    assert gateway.wait_acknowledged(50)
    assert list(gateway.acknowledged) == [(1, 50)]
    assert count(database, "measurement") == 100
    paths = database.execute("SELECT path FROM channel ORDER BY path").fetchall()
    assert paths == [("meter/flow",), ("meter/pressure",)]
    row = database.execute("SELECT value, quality FROM latest JOIN channel USING (channel_id) ORDER BY path").fetchall()
    assert row == [(50.5, 2), (None, 9)]
    assert database.execute("SELECT held::text, repeated FROM delivery").fetchone() == ("{[1,51)}", 0)
    assert database.execute("SELECT source, records::text FROM time_source").fetchone() == ("ntp", "{[1,51)}")
    assert database.execute("SELECT online, queue_depth FROM gateway").fetchone() == (True, 3)
    assert count(database, "stale_hour") == 1


def test_repeated_records_are_acknowledged_and_written_once(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    make_collector()
    gateway = make_gateway()
    gateway.give_birth()
    gateway.send(gateway.messages.ddata({"flow": 1.0}, record=7))
    assert gateway.wait_acknowledged(1)
    gateway.acknowledged.remove(7)
    gateway.send(gateway.messages.ddata({"flow": 1.0}, record=7, historical=True))
    assert gateway.wait_acknowledged(1)
    assert count(database, "measurement") == 1
    assert database.execute("SELECT held::text, repeated FROM delivery").fetchone() == ("{[7,8)}", 1)


def test_a_collector_that_starts_late_asks_for_births(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    gateway = make_gateway()
    gateway.give_birth()
    make_collector()
    gateway.send(gateway.messages.ddata({"flow": 1.0}))
    assert gateway.wait_rebirth()
    gateway.send(gateway.messages.ddata({"flow": 2.0}))
    assert gateway.wait_acknowledged(1)
    eventually(lambda: count(database, "measurement") == 1)


def test_a_malformed_message_is_kept_and_the_others_go_on(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    make_collector()
    gateway = make_gateway()
    gateway.give_birth()
    gateway.send(("spBv1.0/pilote/DDATA/pi-1/meter", b"\xff\xff no protobuf"))
    gateway.send(gateway.messages.ddata({"flow": 1.0}))
    assert gateway.wait_acknowledged(1)
    topic, payload, code, reason = database.execute("SELECT topic, payload, code, reason FROM rejected").fetchone()
    assert (topic, payload, code) == ("spBv1.0/pilote/DDATA/pi-1/meter", b"\xff\xff no protobuf", "payload-invalid")
    assert "not Sparkplug B" in reason


def test_a_death_marks_node_and_devices_offline(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    make_collector()
    gateway = make_gateway()
    gateway.give_birth()
    state = "SELECT gateway.online, device.online FROM gateway JOIN device USING (gateway_id)"
    eventually(lambda: database.execute(state).fetchone() == (True, True))
    gateway.die()
    eventually(lambda: database.execute(state).fetchone() == (False, False))
    assert database.execute("SELECT died_at IS NOT NULL FROM gateway").fetchone() == (True,)


def test_foreign_nodes_need_no_acknowledgement(
    make_collector: MakeCollector, make_gateway: MakeGateway, database: psycopg.Connection
) -> None:
    make_collector()
    gateway = make_gateway(Messages(group="Autre Usine", acknowledged=False))
    gateway.give_birth()
    gateway.send(gateway.messages.ddata({"flow": 3.0}))
    eventually(lambda: count(database, "measurement") == 1)
    assert database.execute("SELECT slug, name->>'fr' FROM installation").fetchone() == ("Autre Usine", "Autre Usine")
    assert count(database, "delivery") == 0
