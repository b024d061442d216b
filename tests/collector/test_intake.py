"""What becomes of each message, without a broker: births, data, quality, evidence, refusals."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrine import uplink
from vitrine.installation import QualityRules
from vitrine.quality import Test
from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Message, Metric, Payload, PropertyValue, encode
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch
from vitrine_collector.commit import Commit
from vitrine_collector.inbox import Incoming, SessionBegun
from vitrine_collector.intake import Intake
from vitrine_collector.limits import Limits
from vitrine_collector.store import Store
from vitrine_quality.evaluate import evaluate

from .fake_gateway import T0, Messages, text

RULES = {"gross_range_fail": [0, 12], "gross_range_suspect": [0.2, 10]}


@dataclass
class Bench:
    """An intake whose batches are committed at once."""

    intake: Intake
    store: Store
    database: psycopg.Connection
    batches: list[Batch]

    def give(self, *messages: tuple[str, bytes]) -> None:
        for topic, payload in messages:
            self.intake.handle(Incoming(topic, payload, time.time()))
        self.settle()

    def settle(self) -> None:
        self.intake.finish()
        while self.batches:
            self.store.run(Commit(self.batches.pop(0)).proceed)

    def all(self, query: str) -> list[tuple]:
        return self.database.execute(query).fetchall()

    def accounted(self) -> int:
        return sum(number for name, number in self.intake.counts.items() if name != "received")


@pytest.fixture
def bench(database_url: str, database: psycopg.Connection) -> Iterator[Bench]:
    batches: list[Batch] = []
    store = Store(database_url, threading.Event())
    limits = Limits(batch_s=1000, reorder_s=0, rebirth_spread_s=0, rebirth_interval_s=0)
    yield Bench(Intake(store, batches.append, limits), store, database, batches)
    store.close()


def ruled(rules: dict[str, object]) -> dict[str, dict[str, PropertyValue]]:
    return {"flow": {uplink.RULES: text(json.dumps(rules))}}


def test_a_birth_describes_its_channels(bench: Bench) -> None:
    properties = {
        uplink.UNIT: text("m3/h"),
        uplink.QUANTITY: text("volume_flow"),
        uplink.NAME_FR: text("Débit"),
        uplink.NAME_EN: text("Flow"),
        uplink.DECIMALS: PropertyValue(DataType.INT32, 3),
        uplink.PERIOD: PropertyValue(DataType.DOUBLE, 1.0),
        uplink.ACCURACY: text("0.4 % of reading"),
        uplink.CALIBRATION: text('{"date": "2026-03-02", "due": null, "certificate": "CE-1"}'),
        uplink.RULES: text(json.dumps(RULES)),
        uplink.PROFILE: text("siemens-mag6000"),
    }
    messages = Messages(channels=["flow"])
    bench.give(messages.nbirth(), messages.dbirth({"flow": properties}))
    assert bench.all(
        "SELECT name, unit, quantity, decimals, period_s, accuracy, calibration->>'certificate', rules FROM channel"
    ) == [({"fr": "Débit", "en": "Flow"}, "m3/h", "volume_flow", 3, 1.0, "0.4 % of reading", "CE-1", RULES)]
    assert bench.all("SELECT key, profile, online FROM device") == [("meter", "siemens-mag6000", True)]
    assert bench.all("SELECT node, software, epoch FROM gateway") == [("pi-1", "0.1.0", messages.epoch)]


def test_a_changed_channel_is_written_down(bench: Bench) -> None:
    messages = Messages(channels=["flow"])
    bench.give(messages.nbirth(), messages.dbirth({"flow": {uplink.UNIT: text("m3/h")}}))
    bench.give(messages.nbirth(), messages.dbirth({"flow": {uplink.UNIT: text("L/min")}}))
    assert bench.all("SELECT field, before, after, file_sha256 FROM channel_change") == [
        ("unit", "m3/h", "L/min", "ab" * 32)
    ]
    assert bench.all("SELECT unit FROM channel") == [("L/min",)]


@pytest.mark.parametrize(
    ("value", "tests", "expected"),
    [
        (5.0, 0, (5.0, 1, 0)),
        (11.0, 0, (11.0, 3, Test.GROSS_RANGE)),
        (13.0, 0, (13.0, 4, Test.GROSS_RANGE)),
        (float("inf"), 0, (float("inf"), 4, Test.GROSS_RANGE)),
        (None, Test.SENTINEL, (None, 9, Test.SENTINEL)),
        (None, Test.NO_ANSWER, (None, 9, Test.NO_ANSWER)),
        (5.0, Test.SENSOR_STATUS, (5.0, 4, Test.SENSOR_STATUS)),
    ],
)
def test_quality_on_arrival(bench: Bench, value: float | None, tests: int, expected: tuple) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(ruled(RULES)), messages.ddata({"flow": value}, tests=tests))
    assert bench.all("SELECT value, quality, tests FROM measurement") == [expected]
    assert bench.all("SELECT value, quality, tests FROM latest") == [expected]


def test_an_uncertain_time_makes_a_value_suspect(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}, source="uncertain"))
    assert bench.all("SELECT quality, tests FROM measurement") == [(3, Test.TIME_UNCERTAIN)]
    assert bench.all("SELECT source, records::text FROM time_source") == [("uncertain", "{[1,2)}")]


@given(
    values=st.lists(st.one_of(st.floats(-5, 20), st.just(float("nan"))), min_size=1, max_size=20),
    tests=st.sampled_from([0, *Test]),
    fail=st.none() | st.tuples(st.floats(-5, 5), st.floats(6, 20)),
    suspect=st.none() | st.tuples(st.floats(-5, 5), st.floats(6, 20)),
)
def test_a_batch_is_judged_as_a_series_is(values: list[float], tests: int, fail, suspect) -> None:
    rules = QualityRules(gross_range_fail=fail, gross_range_suspect=suspect)
    arrival = Arrival()
    arrival.learn(70, rules)
    seen = np.full(len(values), tests, np.int16)
    quality, failed = arrival.judge(np.full(len(values), 70, np.int32), np.array(values), seen)
    expected = evaluate(np.arange(len(values), dtype=float), np.array(values), seen, rules)
    assert (quality.tolist(), failed.tolist()) == (expected[0].tolist(), expected[1].tolist())


def test_historical_and_late_values_do_not_move_the_last_one_back(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 2.0}, time_ms=T0 + 5000))
    bench.give(messages.ddata({"flow": 1.0}, time_ms=T0, historical=True))
    assert bench.all("SELECT value FROM latest") == [(2.0,)]
    assert bench.all("SELECT count(*) FROM measurement") == [(2,)]


def test_a_value_from_the_future_is_kept_but_is_not_the_last_one(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}))
    bench.give(messages.ddata({"flow": 9.0}, time_ms=4_000_000_000_000))
    assert bench.all("SELECT value FROM latest") == [(1.0,)]
    assert bench.all("SELECT count(*) FROM measurement") == [(2,)]


def test_lost_records_are_kept_as_lost(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    loss = uplink.Loss(messages.epoch, Ranges([(3, 9)]), T0, T0 + 6000, "queue full")
    messages.record = 9
    report = messages.lost(loss)
    bench.give(report)
    messages.record = 9
    bench.give(messages.lost(loss))
    assert bench.all("SELECT records::text, reason FROM loss") == [("{[3,10)}", "queue full")]
    assert bench.all("SELECT held::text, lost::text, repeated FROM delivery") == [("{[10,11)}", "{[3,10)}", 1)]


def test_health_changes_only_what_it_mentions(bench: Bench) -> None:
    messages = Messages()
    offset = Metric(alias=5, timestamp=T0, value=12.5)
    failing = Metric(alias=6, timestamp=T0, value='{"meter": "no answer"}')
    bench.give(messages.nbirth(), messages.ndata([offset]), messages.ndata([failing]))
    assert bench.all("SELECT queue_depth, clock_offset_ms, devices_failing FROM gateway") == [
        (3, 12.5, {"meter": "no answer"})
    ]


HEALTH = {"meter": {"success": 0.87, "latency_ms": 40.0, "breaker": "open", "missed_slots": 3}, "probe": {}}


@pytest.mark.parametrize(
    ("told", "kept", "refused"),
    [
        (json.dumps(HEALTH), HEALTH, []),
        ('{"meter": {"success": 1, "mood": "good"}}', {"meter": {"success": 1}}, []),
        ("", {}, []),
        ("[]", {}, ["Health/Devices is not a JSON object: '[]'"]),
        ('{"meter": 1}', {}, ["Health/Devices holds 1 of “meter”, and not a JSON object"]),
        ('{"meter": {"success": NaN}}', {}, ["Health/Devices holds nan as success of “meter”"]),
        ('{"meter": {"success": true}}', {}, ["Health/Devices holds True as success of “meter”"]),
        ('{"meter": {"breaker": 4}}', {}, ["Health/Devices holds 4 as breaker of “meter”"]),
        ('{"meter": {"latency_ms": -1}}', {}, ["Health/Devices holds -1 as latency_ms of “meter”"]),
    ],
)
def test_what_is_told_of_devices_is_kept_or_refused(
    bench: Bench, told: str, kept: dict[str, object], refused: list[str]
) -> None:
    messages = Messages()
    born, rest = messages.nbirth(), messages.dbirth()
    metric = Metric(name=uplink.DEVICES, timestamp=T0, datatype=DataType.STRING, value=None, alias=77)
    birth = encode(Payload(timestamp=T0, seq=0, metrics=(*messages.node_metrics, metric)))
    said = messages.ndata([Metric(alias=77, timestamp=T0, value=told)])
    bench.give((born[0], birth), rest, said, messages.ddata({"flow": 1.0}))
    assert bench.all("SELECT devices_health FROM gateway") == [(kept,)]
    assert bench.all("SELECT reason FROM rejected") == [(reason,) for reason in refused]
    assert bench.all("SELECT count(*) FROM measurement") == [(1,)]


def test_a_hole_in_the_sequence_asks_for_a_birth(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    lost, held = messages.ddata({"flow": 1.0}), messages.ddata({"flow": 2.0})
    bench.give(held)
    assert bench.all("SELECT count(*) FROM measurement") == [(0,)]
    assert bench.intake.tick() == [("pilote", "pi-1")]
    assert bench.intake.counts["awaited"] == 1
    bench.give(messages.nbirth(), messages.dbirth())
    messages.record = 0
    bench.give(messages.ddata({"flow": 1.0}), messages.ddata({"flow": 2.0}, time_ms=T0 + 1))
    assert bench.all("SELECT held::text, repeated FROM delivery") == [("{[1,3)}", 0)]
    assert lost


def test_messages_that_change_places_are_no_hole(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    first, second = messages.ddata({"flow": 1.0}), messages.ddata({"flow": 2.0}, time_ms=T0 + 1)
    bench.give(second, first)
    assert bench.intake.tick() == []
    assert bench.all("SELECT count(*) FROM measurement") == [(2,)]


def test_an_unknown_alias_asks_for_a_birth_and_then_is_refused(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    known, messages.channels = messages.channels, (*messages.channels, "new")
    bench.give(messages.ddata({"new": 1.0}, record=1))
    assert bench.intake.tick() == [("pilote", "pi-1")]
    assert bench.intake.counts["awaited"] == 1
    messages.channels = known
    bench.give(messages.nbirth(), messages.dbirth())
    messages.channels = (*known, "new")
    bench.give(messages.ddata({"new": 1.0}, record=1))
    assert bench.all("SELECT code FROM rejected") == [("unknown-metric",)]
    assert bench.all("SELECT held::text FROM delivery") == [("{[1,2)}",)]


def test_what_a_foreign_node_says_before_its_birth_is_kept_as_refused(bench: Bench) -> None:
    messages = Messages(acknowledged=False)
    bench.give(messages.ddata({"flow": 1.0}))
    assert bench.all("SELECT code, reason FROM rejected") == [("no-birth", "the node's birth was not heard")]
    assert bench.intake.tick() == [("pilote", "pi-1")]


def test_a_new_session_forgets_the_births(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth())
    bench.intake.handle(SessionBegun())
    assert bench.all("SELECT online FROM gateway") == [(False,)]
    bench.give(messages.ddata({"flow": 1.0}))
    assert bench.intake.counts["awaited"] == 1


def test_a_death_of_an_earlier_session_is_ignored(bench: Bench) -> None:
    messages = Messages()
    messages.bd_seq = 7
    bench.give(messages.nbirth(), messages.dbirth(), messages.ndeath(6))
    assert bench.all("SELECT online FROM gateway") == [(True,)]
    bench.give(messages.ddeath())
    assert bench.all("SELECT online FROM device") == [(False,)]
    bench.give(messages.ndeath(7))
    assert bench.all("SELECT online FROM gateway") == [(False,)]


def test_foreign_types_names_and_alias_zero(bench: Bench) -> None:
    kinds = {
        "small": (DataType.INT8, 0, 0xFF, -1.0),
        "wide": (DataType.UINT32, None, 70_000, 70_000.0),
        "on": (DataType.BOOLEAN, 3, True, 1.0),
        "real": (DataType.FLOAT, 4, 1.5, 1.5),
    }
    born = tuple(
        Metric(name=name, alias=alias, timestamp=T0, datatype=kind, value=None)
        for name, (kind, alias, _, _) in kinds.items()
    )
    born += (Metric(name="label", timestamp=T0, datatype=DataType.STRING, value="x"),)
    sent = tuple(
        Metric(
            name="" if alias is not None else name,
            alias=alias,
            timestamp=T0,
            value=value,
        )
        for name, (_, alias, value, _) in kinds.items()
    )
    sent += (Metric(name="label", timestamp=T0, value="y"),)
    messages = Messages(acknowledged=False)
    birth = encode(Payload(timestamp=T0, seq=1, metrics=born))
    types = {0: DataType.INT8, "wide": DataType.UINT32, 3: DataType.BOOLEAN, 4: DataType.FLOAT}
    data = encode(Payload(timestamp=T0, seq=2, metrics=sent), types)
    bench.give(
        messages.nbirth(),
        (messages.topic(Message.DBIRTH, "plc"), birth),
        (messages.topic(Message.DDATA, "plc"), data),
    )
    found = dict(bench.all("SELECT key, value FROM measurement JOIN channel USING (channel_id)"))
    assert found == {name: value for name, (_, _, _, value) in kinds.items()}


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        (DataType.INT8, 0x80, -128.0),
        (DataType.INT16, 0xFFFE, -2.0),
        (DataType.INT32, 0xFFFFFFFF, -1.0),
        (DataType.INT64, -(2**40), -(2.0**40)),
        (DataType.UINT8, 255, 255.0),
        (DataType.UINT16, 65_535, 65_535.0),
        (DataType.UINT32, 2**32 - 1, 2.0**32 - 1),
        (DataType.UINT64, 2**64 - 1, float(2**64 - 1)),
        (DataType.FLOAT, -0.5, -0.5),
        (DataType.DOUBLE, 1e300, 1e300),
        (DataType.BOOLEAN, False, 0.0),
        *((kind, None, None) for kind in (DataType.INT8, DataType.UINT64, DataType.DOUBLE, DataType.BOOLEAN)),
    ],
)
@pytest.mark.parametrize("historical", [False, True])
def test_each_type_of_the_standard_that_is_a_number(
    bench: Bench, kind: DataType, sent: float | None, kept: float | None, historical: bool
) -> None:
    messages = Messages(acknowledged=False)
    born = (Metric(name="one", alias=5, timestamp=T0, datatype=kind, value=None),)
    data = (Metric(alias=5, timestamp=T0, value=sent, historical=historical),)
    bench.give(
        messages.nbirth(),
        (messages.topic(Message.DBIRTH, "plc"), encode(Payload(timestamp=T0, seq=1, metrics=born))),
        (messages.topic(Message.DDATA, "plc"), encode(Payload(timestamp=T0, seq=2, metrics=data), {5: kind})),
    )
    assert bench.all("SELECT value, quality FROM measurement") == [(kept, 9 if kept is None else 2)]


@pytest.mark.parametrize("kind", [DataType.DATASET, DataType.TEMPLATE])
def test_data_sets_and_templates_are_refused_with_a_reason_and_the_numbers_beside_them_are_kept(
    bench: Bench, kind: DataType
) -> None:
    messages = Messages(acknowledged=False)
    born = (
        Metric(name="table", alias=6, timestamp=T0, datatype=kind, value=None),
        Metric(name="flow", alias=5, timestamp=T0, datatype=DataType.DOUBLE, value=None),
    )
    data = (Metric(alias=5, timestamp=T0, value=1.5), Metric(alias=6, timestamp=T0, value=None))
    bench.give(
        messages.nbirth(),
        (messages.topic(Message.DBIRTH, "plc"), encode(Payload(timestamp=T0, seq=1, metrics=born))),
        (messages.topic(Message.DDATA, "plc"), encode(Payload(timestamp=T0, seq=2, metrics=data))),
    )
    reason = f"“table” is a {kind.name}: only numbers are kept, the device's others are"
    assert bench.all("SELECT code, reason FROM rejected") == [("metric-refused", reason)]
    assert bench.all("SELECT key, value FROM measurement JOIN channel USING (channel_id)") == [("flow", 1.5)]
    assert bench.accounted() == bench.intake.counts["received"]


def test_a_record_that_cannot_be_read_is_kept_and_acknowledged(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}, source="guessed"))
    assert bench.all("SELECT code, reason FROM rejected") == [
        ("payload-invalid", "“guessed” is not where a time can come from")
    ]
    assert bench.all("SELECT held::text FROM delivery") == [("{[1,2)}",)]


def test_rules_that_are_none_refuse_the_birth(bench: Bench) -> None:
    messages = Messages()
    bench.give(messages.nbirth(), messages.dbirth(ruled({"gross_range_fail": "low"})))
    assert bench.all("SELECT code FROM rejected") == [("payload-invalid",)]
    assert bench.all("SELECT count(*) FROM channel") == [(0,)]


def test_two_gateways_cannot_share_a_path(bench: Bench) -> None:
    first, second = Messages(node="pi-1"), Messages(node="pi-2")
    bench.give(first.nbirth(), first.dbirth(), second.nbirth(), second.dbirth())
    code, reason = bench.all("SELECT code, reason FROM rejected")[0]
    assert code == "database"
    assert "channel_installation_id_path_key" in reason


TOPICS = st.one_of(
    st.text(max_size=60),
    st.builds(
        lambda kind, node, device: f"spBv1.0/pilote/{kind}/{node}" + (f"/{device}" if device else ""),
        st.sampled_from([*Message, "STATE", "NBIRTHS", ""]),
        st.sampled_from(["pi-1", "pi-2", "\0", "\ud800"]),
        st.sampled_from(["", "meter", "other"]),
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.tuples(TOPICS, st.binary(max_size=200)), max_size=8), data=st.data())
def test_noise_stops_nobody_and_everything_is_accounted_for(bench: Bench, noise, data) -> None:
    messages = Messages(epoch=uuid.uuid4())
    sent = [messages.nbirth(), messages.dbirth(), messages.ddata({"flow": 1.0}, record=1)]
    mutated = []
    for topic, payload in sent:
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(payload) - 1))
            mutated.append(
                (topic.replace("pi-1", "pi-3"), payload[:at] + data.draw(st.binary(max_size=5)) + payload[at + 1 :])
            )
    refused = bench.all("SELECT count(*) FROM rejected")[0][0]
    before = bench.intake.counts["refused"]
    bench.give(*noise, *mutated, *sent)
    bench.intake.tick()
    bench.settle()
    assert bench.intake.counts["received"] == bench.accounted()
    assert bench.all("SELECT count(*) FROM rejected")[0][0] - refused == bench.intake.counts["refused"] - before
    assert not bench.all("SELECT * FROM rejected WHERE code = 'internal'")
    held = bench.all(
        "SELECT epoch, held::text FROM delivery JOIN gateway USING (gateway_id, epoch) WHERE node = 'pi-1'"
    )
    assert held == [(messages.epoch, "{[1,2)}")]
