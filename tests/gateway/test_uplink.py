"""The uplink over a real broker: births, data, acknowledgement, rebirth, loss of broker and host."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from uuid import UUID

import pytest

from tests.servers.broker import Rumqttd
from tests.servers.cable import Cable
from vitrine import uplink
from vitrine.birth_mark import birth_mark
from vitrine.quality import Test
from vitrine.ranges import Ranges
from vitrine.sparkplug import DataType, Message
from vitrine_gateway.uplink.bdseq import BirthDeathSequence

from .host import until
from .uplink_rig import GROUP, NODE, Connect, rig, soon

pytestmark = pytest.mark.anyio


async def test_births_declare_everything_and_the_end_is_told(tmp_path: Path, broker: Rumqttd, host_on: Connect) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port):
        await soon(lambda: len(host.of(Message.DBIRTH)) == 2)
    await soon(lambda: host.of(Message.NDEATH))
    kinds = [topic.message for topic, _ in host.messages]
    assert kinds == ["NBIRTH", "DBIRTH", "DBIRTH", "DDEATH", "DDEATH", "NDEATH"]
    assert [payload.seq for _, payload in host.messages] == [0, 1, 2, 3, 4, None]
    node = {metric.name: metric for metric in host.messages[0][1].metrics}
    assert node[uplink.REBIRTH].value is False
    assert node[uplink.REBIRTH].alias is None
    assert node[uplink.BDSEQ].value == host.value(host.messages[-1][1], uplink.BDSEQ) == 0
    assert {uplink.EPOCH, uplink.ACK, uplink.LOST, uplink.CONFIGURATION, uplink.SOFTWARE} <= set(node)
    births = [metric for _, payload in host.messages[:3] for metric in payload.metrics]
    aliases = [metric.alias for metric in births if metric.alias is not None]
    assert len(aliases) == len(set(aliases))
    assert all(metric.datatype and metric.timestamp for metric in births)
    epoch = UUID(str(node[uplink.EPOCH].value))
    for topic, payload in host.messages[1:3]:
        mark = birth_mark(epoch, host.messages[0][1].metrics, topic.device, payload.metrics)
        assert {metric.name: metric.alias for metric in payload.metrics}[uplink.RECORD] == mark, (
            "the number's alias tells these births from all others"
        )
    flow = next(metric for metric in host.messages[1][1].metrics if metric.name == "a")
    assert flow.datatype is DataType.DOUBLE
    assert {key: value.value for key, value in flow.properties.items()} == {
        uplink.UNIT: "m3/h",
        uplink.QUANTITY: "volume_flow",
        uplink.NAME_FR: "Débit",
        uplink.NAME_EN: "Flow",
        uplink.PROFILE: "own",
        uplink.DECIMALS: 2,
        uplink.PERIOD: 0.1,
    }


async def test_record_is_sent_at_once_and_leaves_the_queue_when_acknowledged(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        before = time.time() * 1000
        one.measure(2.25)
        one.measure(None, int(Test.SENTINEL))
        await soon(lambda: not one.queue.pending)
    (first, second) = [payload for _, payload in host.of(Message.DDATA)]
    assert host.value(first, "a") == 2.25
    assert host.value(first, uplink.RECORD) == 1
    assert host.value(first, uplink.TIME_SOURCE) == "ntp"
    assert before - 5 < (first.metrics[0].timestamp or 0) <= (first.timestamp or 0)
    assert not any(metric.historical or metric.name for metric in first.metrics)
    null = second.metrics[0]
    assert null.value is None
    assert {key: value.value for key, value in null.properties.items()} == {
        uplink.QUALITY: 0,
        uplink.TESTS: Test.SENTINEL,
    }


async def test_unacknowledged_record_comes_again_as_historical(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    host = await host_on(broker.port, acknowledges=False)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        one.measure()
        await soon(lambda: host.records == [1, 1])
        again = host.of(Message.DDATA)[1][1]
        assert all(metric.historical for metric in again.metrics)
        assert again.metrics[0].timestamp == host.of(Message.DDATA)[0][1].metrics[0].timestamp
        host.acknowledge(GROUP, NODE, Ranges([(1, 1)]))
        await soon(lambda: not one.queue.pending)


async def test_rebirth_repeats_bdseq_and_begins_seq_anew(tmp_path: Path, broker: Rumqttd, host_on: Connect) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        one.measure(7.5)
        await soon(lambda: host.records)
        await asyncio.to_thread(host.rebirth, GROUP, NODE)
        await soon(lambda: len(host.of(Message.DBIRTH)) == 4)
    births = host.of(Message.NBIRTH)
    assert [payload.seq for _, payload in births] == [0, 0]
    assert [host.value(payload, uplink.BDSEQ) for _, payload in births] == [0, 0]
    assert host.value(host.of(Message.DBIRTH)[2][1], "a") == 7.5


async def test_backlog_of_an_outage_follows_beside_live_records(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    cable = Cable(broker.port)
    cable.cut()
    host = await host_on(broker.port)
    async with rig(tmp_path, cable.port) as one:
        for number in range(1500):
            one.measure(float(number))
        await asyncio.to_thread(cable.mend)
        await soon(lambda: one.node.born)
        live = one.measure(2000.0)
        await soon(lambda: not one.queue.pending)
    cable.close()
    assert sorted(set(host.records)) == list(range(1, 1502))
    assert host.records.index(live) < 1500
    histories = [
        payload.metrics[0].historical
        for _, payload in host.of(Message.DDATA)
        if host.value(payload, uplink.RECORD) != live
    ]
    assert all(histories)


async def test_bdseq_counts_connections_and_the_will_tells_of_a_death(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    (tmp_path / "bdseq").write_text("255")
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: host.of(Message.NBIRTH))
        session = one.node._outbox.session
        assert session is not None
        session._client.socket().shutdown(socket.SHUT_RDWR)  # as a link that breaks without a word
        await soon(lambda: len(host.of(Message.NBIRTH)) == 2)
    births = [host.value(payload, uplink.BDSEQ) for _, payload in host.of(Message.NBIRTH)]
    assert births == [255, 0]
    deaths = [host.value(payload, uplink.BDSEQ) for _, payload in host.of(Message.NDEATH)]
    assert deaths == [255, 0]
    assert (tmp_path / "bdseq").read_text() == "1"


async def test_broker_that_refuses_the_connection_uses_no_bdseq(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    broker.kill()
    async with rig(tmp_path, broker.port):
        await asyncio.sleep(0.3)
    assert (tmp_path / "bdseq").read_text() == "0"


async def test_loss_is_reported_as_a_record(tmp_path: Path, broker: Rumqttd, host_on: Connect) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        one.queue.append(b"", 1_000)
        one.queue.report_lost(Ranges([(1, 1)]), (1_000, 2_000), "the queue is full")
        await soon(lambda: host.records == [2])
        await soon(lambda: not one.queue.pending)
    data = [payload for _, payload in host.of(Message.NDATA) if host.value(payload, uplink.LOST)]
    loss = uplink.Loss.from_json(str(host.value(data[0], uplink.LOST)))
    assert (loss.epoch, loss.first_ms, loss.last_ms) == (host.epoch, 1_000, 2_000)


async def test_record_of_a_device_that_is_gone_is_given_up_and_told(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        gone = one.measure(device_="removed")
        await soon(lambda: not one.queue.pending)
    texts = [text for _, payload in host.of(Message.NDATA) if (text := host.value(payload, uplink.LOST))]
    assert [list(uplink.Loss.from_json(str(text)).records) for text in texts] == [[(gone, gone)]]


async def test_host_that_comes_back_gets_what_it_did_not_commit(
    tmp_path: Path, broker: Rumqttd, host_on: Connect
) -> None:
    host = await host_on(broker.port, acknowledges=False)
    host.state(online=True)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        host.state(online=False)
        await soon(lambda: one.node.status().host_state == "offline")
        one.measure()
        await asyncio.sleep(1.5)
        assert host.records == [1]
        host.acknowledges = True
        host.state(online=True)
        await soon(lambda: not one.queue.pending)
        assert host.records == [1, 1]


async def test_message_that_is_none_is_told_and_ignored(tmp_path: Path, broker: Rumqttd, host_on: Connect) -> None:
    host = await host_on(broker.port)
    async with rig(tmp_path, broker.port) as one:
        await soon(lambda: one.node.born)
        for payload in (b"\xff\xff", b""):
            host._client.publish(f"spBv1.0/{GROUP}/NCMD/{NODE}", payload)
        host._client.publish(f"spBv1.0/STATE/{uplink.HOST}", b"online", qos=1)
        one.measure()
        await soon(lambda: not one.queue.pending)


def test_bdseq_is_safe_before_it_is_used(tmp_path: Path) -> None:
    sequence = BirthDeathSequence(tmp_path / "bdseq")
    assert [sequence.take(), sequence.take()] == [0, 1]
    assert BirthDeathSequence(tmp_path / "bdseq").take() == 2
    (tmp_path / "bdseq").write_text("nonsense")
    assert BirthDeathSequence(tmp_path / "bdseq").take() == 0


def test_no_thread_outlives_the_tests() -> None:
    until(lambda: not [one for one in threading.enumerate() if one.name.startswith("paho")])
