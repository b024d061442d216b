"""The rules of an edge node: who is alive, who is the host, who else claims this identity, what a reload changes."""

import asyncio
import dataclasses
import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.broker import rumqttd
from tests.servers.cable import Cable
from tests.servers.fixtures import available
from tests.servers.mosquitto import mosquitto as run_mosquitto
from tests.servers.process import ServerProcess
from vitrine import uplink
from vitrine.quality import Test
from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Message, Metric, Payload, Topic, encode, state_topic

from .host import Host
from .sites import device, site, tcp
from .uplink_rig import GROUP, NODE, PACE, Connect, Rig, rig, soon, two_devices

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000


@pytest.fixture
def cable(mosquitto: ServerProcess) -> Iterator[Cable]:
    """The gateway's way to the broker, pulled out at first: its host is there before it."""
    made = Cable(mosquitto.port)
    made.cut()
    yield made
    made.close()


def kinds(host: Host) -> list[str]:
    return ["/".join(filter(None, (topic.message, topic.device))) for topic, _ in host.messages]


def say(host: Host, *, online: object, at: object, name: str = uplink.HOST) -> None:
    host._client.publish(state_topic(name), json.dumps({"online": online, "timestamp": at}), qos=1, retain=True)


def command(host: Host, *metrics: Metric, message: Message = Message.NCMD, device_: str = "") -> None:
    payload = encode(Payload(timestamp=time.time_ns() // 1_000_000, metrics=metrics))
    host._client.publish(str(Topic(GROUP, message, NODE, device_)), payload)


def seqs(host: Host) -> list[int]:
    return [payload.seq for _, payload in host.messages if payload.seq is not None]


# --- devices ---------------------------------------------------------------------------------------------------------


async def test_device_that_does_not_answer_dies_and_is_born_again(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
        one.measure(1.0)
        one.be_silent(2)
        one.measure(2.0)
        one.be_silent(3)
        assert one.node.is_lost("d")
        assert one.node.status().devices_lost == ("d",)
        await soon(lambda: host.of(Message.DDEATH))
        assert kinds(host)[3:] == ["DDATA/d"] * 7 + ["DDEATH/d"]
        quality = [metric for _, one_ in host.of(Message.DDATA)[-3:] for metric in one_.metrics[:1]]
        assert all(one_.value is None and one_.properties[uplink.QUALITY].value == 0 for one_ in quality)
        await asyncio.to_thread(host.rebirth, GROUP, NODE)
        await soon(lambda: len(host.of(Message.NBIRTH)) == 2)
        one.measure(3.0)
        await soon(lambda: not one.queue.pending)
        await soon(lambda: kinds(host)[-2:] == ["DBIRTH/d", "DDATA/d"])
        assert [topic.device for topic, _ in host.of(Message.DBIRTH)] == ["d", "e", "e", "d"]
    numbers = seqs(host)
    births = [index for index, kind in enumerate(kinds(host)) if kind == "NBIRTH"]
    assert numbers[: births[1]] == list(range(births[1]))
    assert numbers[births[1] :] == list(range(len(numbers) - births[1]))


async def test_old_records_of_a_dead_device_are_delivered_between_a_birth_and_a_death(
    tmp_path: Path, mosquitto: ServerProcess, cable: Cable, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, cable.port) as one:
        one.measure(1.0)
        one.be_silent(3)
        await asyncio.to_thread(cable.mend)
        await soon(lambda: host.of(Message.DDEATH))
        assert kinds(host) == ["NBIRTH", "DBIRTH/e", "DBIRTH/d"] + ["DDATA/d"] * 4 + ["DDEATH/d"]
        assert not one.queue.pending


async def test_reload_touches_only_what_changed(tmp_path: Path, mosquitto: ServerProcess, host_on: Connect) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
        one.measure(1.0)
        await soon(lambda: not one.queue.pending)
        other = site(tmp_path, device("d", tcp(2)), device("f", tcp(1)), port=mosquitto.port)
        one.node.devices_changed(other)
        await soon(lambda: len(host.messages) == 9)
        assert kinds(host)[4:] == ["DDEATH/d", "DDEATH/e", "NDATA", "DBIRTH/d", "DBIRTH/f"]
        assert host.value(host.messages[6][1], uplink.CONFIGURATION) == other.installation.sha256
        assert seqs(host) == list(range(9))
        births = {metric.alias for index in (7, 8) for metric in host.messages[index][1].metrics}
        assert len(births) == 8
        assert host.messages[7][1].metrics[0].alias == host.messages[1][1].metrics[0].alias, "an alias is kept"
        old = {metric.alias for metric in host.messages[2][1].metrics}
        assert not births & old, "an alias is not given twice"
        one.measure(2.0, device_="f")
        one.measure(3.0, device_="d")
        await soon(lambda: not one.queue.pending)
        same = dataclasses.replace(other)
        one.node.devices_changed(same)
        one.measure(4.0, device_="f")
        await soon(lambda: not one.queue.pending)
        assert kinds(host)[9:] == ["DDATA/f", "DDATA/d", "DDATA/f"]


async def test_many_records_of_a_removed_device_are_told_as_one_loss(
    tmp_path: Path, mosquitto: ServerProcess, cable: Cable, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, cable.port) as one:
        for _ in range(20):
            one.measure(device_="removed")
        await asyncio.to_thread(cable.mend)
        await soon(lambda: not one.queue.pending)
    told = [text for _, payload in host.of(Message.NDATA) if (text := host.value(payload, uplink.LOST))]
    assert [list(uplink.Loss.from_json(str(text)).records) for text in told] == [[(1, 20)]]


# --- commands --------------------------------------------------------------------------------------------------------


async def test_no_data_come_between_a_rebirth_request_and_the_births(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: host.of(Message.DBIRTH))
        command(host, Metric(name=uplink.REBIRTH, datatype=DataType.BOOLEAN, value=True))
        for _ in range(5):
            one.measure()
        await soon(lambda: not one.queue.pending)
        assert kinds(host)[:6] == ["NBIRTH", "DBIRTH/d", "DBIRTH/e"] * 2
        assert host.records == [1, 2, 3, 4, 5]
        assert not any(metric.historical for _, payload in host.of(Message.DDATA) for metric in payload.metrics)


async def test_rebirth_requests_are_limited_and_the_last_one_is_honoured(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port, dataclasses.replace(PACE, rebirth_s=1.0)) as one:
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
        for _ in range(50):
            command(host, Metric(name=uplink.REBIRTH, value=True))
            await asyncio.sleep(0.01)
        await soon(lambda: one.node.status().rebirths >= 2)
        await asyncio.sleep(0.3)
        assert one.node.status().rebirths < 10


async def test_other_commands_change_nothing(tmp_path: Path, mosquitto: ServerProcess, host_on: Connect) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        command(
            host, Metric(name=uplink.REBIRTH, value=False), Metric(name="Unknown", value=3), Metric(alias=3, value=1)
        )
        command(host, Metric(name="a", value=9.0), message=Message.DCMD, device_="d")
        host._client.publish(str(Topic(GROUP, Message.DCMD, NODE, "d")), b"\xff\xff")
        one.measure(4.0)
        await soon(lambda: not one.queue.pending)
    assert kinds(host).count("NBIRTH") == 1
    assert host.value(host.of(Message.DDATA)[0][1], "a") == 4.0


async def test_acknowledgements_twice_late_or_of_another_queue_do_no_harm(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port, acknowledges=False)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        numbers = [one.measure(float(number)) for number in range(5)]
        await soon(lambda: set(host.records) == set(numbers))
        mine, host.epoch = host.epoch, uuid4()
        host.acknowledge(GROUP, NODE, Ranges([(1, 5)]))
        await soon(lambda: one.node.status().foreign_acks == 1)
        assert len(one.queue.pending) == 5
        host.epoch = mine
        for _ in range(3):
            host.acknowledge(GROUP, NODE, Ranges([(1, 3)]))
        await soon(lambda: len(one.queue.pending) == 2)
        await soon(lambda: one.node.status().acks == 3)
        host.acknowledge(GROUP, NODE, Ranges([(1, 5)]))
        await soon(lambda: not one.queue.pending)
        status = one.node.status()
        assert status.last_ack_age_s is not None
        assert (status.in_flight, status.unacked, status.conflict) == (0, 0, "")


# --- delivery by the broker's word -----------------------------------------------------------------------------------


async def test_host_that_never_acknowledges_gets_everything_by_the_brokers_word(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port, acknowledges=False)
    async with rig(tmp_path, mosquitto.port, delivery="broker") as one:
        for number in range(200):
            one.measure(float(number))
        await soon(lambda: one.node.born)
        one.measure(1000.0)
        await soon(lambda: not one.queue.pending)
        await soon(lambda: set(host.records) == set(range(1, 202)))


# --- primary host ----------------------------------------------------------------------------------------------------


async def test_primary_host_is_waited_for_and_its_leave_is_a_death(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port, primary_host="scada") as one:
        say(host, online=True, at=5, name="another")
        say(host, online=False, at=10, name="scada")
        await soon(lambda: "waits for the primary host" in one.node.status().reason)
        await asyncio.sleep(0.3)
        assert not host.messages
        say(host, online=True, at=20, name="scada")
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
        say(host, online=False, at=15, name="scada")  # a late will
        one.measure(1.0)
        await soon(lambda: not one.queue.pending)
        assert kinds(host) == ["NBIRTH", "DBIRTH/d", "DBIRTH/e", "DDATA/d"]
        say(host, online=False, at=20, name="scada")  # the time of the online message counts as newer
        await soon(lambda: kinds(host)[-1] == "NDEATH")
        one.measure(2.0)
        await soon(lambda: one.node.status().host_state == "offline")
        say(host, online=True, at=19, name="scada")
        await asyncio.sleep(0.3)
        assert not one.node.born
        assert len(one.queue.pending) == 1
        say(host, online=True, at=30, name="scada")
        await soon(lambda: not one.queue.pending)
        assert [host.value(payload, uplink.BDSEQ) for _, payload in host.of(Message.NBIRTH)] == [0, 1]
        assert all(metric.historical for metric in host.of(Message.DDATA)[-1][1].metrics)


async def test_broker_without_the_primary_host_is_left_for_the_next(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    (tmp_path / "second").mkdir()
    with rumqttd(tmp_path / "second") as second:
        first_host, second_host = await host_on(mosquitto.port), await host_on(second.port)
        say(first_host, online=True, at=100)
        fallback = (("127.0.0.1", second.port),)
        async with rig(tmp_path, mosquitto.port, fallback=fallback, primary_host=uplink.HOST) as one:
            await soon(lambda: len(first_host.of(Message.DBIRTH)) == 2)
            assert not second_host.messages
            say(second_host, online=True, at=50)  # each broker has its own time
            say(first_host, online=False, at=100)
            await soon(lambda: len(second_host.of(Message.DBIRTH)) == 2)
            assert kinds(first_host)[-1] == "NDEATH"
            assert one.node.broker == f"127.0.0.1:{second.port}"
            assert one.node.status().reconnects == 1


async def test_broker_that_is_away_is_left_for_the_next(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, 1, fallback=(("127.0.0.1", mosquitto.port),)):
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
    assert host.value(host.of(Message.NBIRTH)[0][1], uplink.BDSEQ) == 0


@pytest.mark.parametrize(
    "payload", [b"", b"ONLINE", b"[]", b'{"online": 1, "timestamp": 1}', b'{"online": true, "timestamp": "1"}']
)
async def test_state_that_is_none_does_not_count(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect, payload: bytes
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        host._client.publish(state_topic(uplink.HOST), payload, qos=1)
        one.measure()
        await soon(lambda: not one.queue.pending)
        assert one.node.status().host_state == "unknown"


# --- two with one identity -------------------------------------------------------------------------------------------


async def test_two_gateways_with_one_name_are_noticed_and_both_deliver(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    folders = [tmp_path / "one", tmp_path / "two"]
    rigs = []
    for folder in folders:
        folder.mkdir()
        rigs.append(Rig(folder, two_devices(folder, mosquitto.port, mqtt="5")))
    first, second = rigs
    try:
        first.measure(1.0)
        second.measure(2.0)
        await soon(lambda: first.node.status().conflict and second.node.status().conflict)
        await soon(lambda: not first.queue.pending and not second.queue.pending)
    finally:
        await first.end()
        await second.end()
    epochs = {host.value(payload, uplink.EPOCH) for _, payload in host.of(Message.NBIRTH)}
    assert epochs == {str(first.queue.epoch), str(second.queue.epoch)}


async def test_births_deaths_and_answers_of_another_are_noticed(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect
) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        bdseq = Metric(name=uplink.BDSEQ, datatype=DataType.INT64, value=77)
        command(host, bdseq, message=Message.NDEATH)
        await soon(lambda: "another node died here, bdSeq 77" in one.node.status().conflict)
        await soon(lambda: host.epoch)
        host.acknowledge(GROUP, NODE, Ranges([(1, 500)]))
        await soon(lambda: "record 500" in one.node.status().conflict)
        assert one.measure() == 1
        await soon(lambda: not one.queue.pending)
        command(host, bdseq, message=Message.NBIRTH)
        await soon(lambda: "another node was born here, bdSeq 77" in one.node.status().conflict)
        await soon(lambda: one.node.status().reconnects == 1)
        one.measure()
        await soon(lambda: not one.queue.pending)


# --- what the node says of itself ------------------------------------------------------------------------------------


async def test_node_tells_only_what_changed(tmp_path: Path, mosquitto: ServerProcess, host_on: Connect,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("vitrine_gateway.uplink.edge_node._HEALTH_EVERY", 0.2)
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        await asyncio.sleep(0.6)
        assert not host.of(Message.NDATA)
        one.health = {uplink.QUEUE_DEPTH: 7, uplink.CLOCK_OFFSET: None}
        await soon(lambda: host.of(Message.NDATA))
        await asyncio.sleep(0.4)
        (data,) = [payload for _, payload in host.of(Message.NDATA)]
        assert [(host.name(metric), metric.value) for metric in data.metrics] == [(uplink.QUEUE_DEPTH, 7)]
        assert not any(metric.name or metric.datatype for metric in data.metrics)


async def test_messages_are_never_stamped_ahead(tmp_path: Path, mosquitto: ServerProcess, host_on: Connect) -> None:
    host = await host_on(mosquitto.port)
    before = time.time_ns() // 1_000_000
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        one.measure(1.0, int(Test.SENSOR_STATUS))
        await soon(lambda: not one.queue.pending)
    after = time.time_ns() // 1_000_000
    for topic, payload in host.messages:
        if topic.message is Message.NDEATH:
            assert (payload.timestamp, payload.seq, len(payload.metrics)) == (None, None, 1)
            continue
        assert payload.timestamp is not None
        assert before <= payload.timestamp <= after
        times = [metric.timestamp for metric in payload.metrics]
        assert all(at is not None and before - 5 <= at <= after for at in times)
        assert topic.message.endswith("BIRTH") or times == sorted(times)  # type: ignore[type-var]


async def test_sequence_goes_round_at_255(tmp_path: Path, mosquitto: ServerProcess, host_on: Connect) -> None:
    host = await host_on(mosquitto.port)
    async with rig(tmp_path, mosquitto.port) as one:
        await soon(lambda: one.node.born)
        for number in range(300):
            one.measure(float(number))
        await soon(lambda: not one.queue.pending)
    numbers = seqs(host)
    assert numbers == [index % 256 for index in range(len(numbers))]
    assert len(numbers) > 300


# --- what the broker sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("delivery", "of_data"), [("host", 0), ("broker", 1)])
async def test_every_message_has_its_qos_and_none_is_retained(
    tmp_path: Path, mosquitto: ServerProcess, host_on: Connect, delivery: str, of_data: int
) -> None:
    host = await host_on(mosquitto.port)
    seen: list[tuple[str, int]] = []
    spy = paho.Client(CallbackAPIVersion.VERSION2)
    spy.on_message = lambda _client, _data, message: seen.append((message.topic.split("/")[2], message.qos))
    spy.connect("127.0.0.1", mosquitto.port)
    spy.loop_start()
    spy.subscribe("spBv1.0/#", qos=2)
    try:
        async with rig(tmp_path, mosquitto.port, delivery=delivery) as one:
            await soon(lambda: one.node.born)
            one.measure()
            await soon(lambda: not one.queue.pending)
            one.health = {uplink.QUEUE_DEPTH: 9}
        await soon(lambda: [kind for kind, _ in seen].count("NDEATH") == 1)
    finally:
        spy.disconnect()
        spy.loop_stop()
    qos = dict(seen)
    assert qos == {**dict.fromkeys(("NBIRTH", "DBIRTH", "DDEATH"), 0), "DDATA": of_data, "NDEATH": 1, **_acks(qos)}
    late = paho.Client(CallbackAPIVersion.VERSION2)
    kept: list[str] = []
    late.on_message = lambda _client, _data, message: kept.append(message.topic)
    late.connect("127.0.0.1", mosquitto.port)
    late.loop_start()
    late.subscribe("spBv1.0/#", qos=1)
    await asyncio.sleep(0.3)
    late.disconnect()
    late.loop_stop()
    assert kept == []
    assert host.messages


def _acks(qos: dict[str, int]) -> dict[str, int]:
    return {"NCMD": qos["NCMD"]} if "NCMD" in qos else {}


async def test_subscriptions_stand_before_the_birth(tmp_path: Path) -> None:
    (tmp_path / "broker").mkdir()
    with available(), run_mosquitto(tmp_path / "broker", ("allow_anonymous true", "log_type all")) as server:
        async with rig(tmp_path, server.port) as one:
            await soon(lambda: one.node.born)
        log = server.log.read_text()
    name = f"vitrine-{GROUP}.{NODE}"
    granted, published = log.index(f"Sending SUBACK to {name}"), log.index(f"Received PUBLISH from {name}")
    assert granted < published
    for topic in (f"NCMD/{NODE}", f"DCMD/{NODE}/+"):
        assert f"spBv1.0/{GROUP}/{topic} (QoS 1)" in log[:granted]
    assert f"spBv1.0/STATE/{uplink.HOST} (QoS 1)" in log[:granted]
    assert "NBIRTH" in log[published:].split("\n", 1)[0], "the birth comes first"
