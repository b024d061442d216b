"""Sensors that publish plain messages to the platform's own broker: declared in a file, read by collectors."""

import datetime
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from tests.gateway.sites import HEAD
from tests.servers.model import Server
from tests.servers.process import ServerProcess
from vitrine.errors import InstallationError, PayloadError, VitrineError
from vitrine.installation_file import load
from vitrine.mqtt.central import CentralSensor
from vitrine.mqtt.message import read_message
from vitrine.quality import Test
from vitrine_collector import commands, rejections
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch
from vitrine_collector.catalogue import apply
from vitrine_collector.central import Watch, take
from vitrine_collector.central_session import Delivered
from vitrine_collector.central_work import CentralWork
from vitrine_collector.inbox import Incoming
from vitrine_collector.members import Members
from vitrine_collector.replay import replay
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker
from vitrine_collector.store import Store
from vitrine_gateway.central import sensors_of
from vitrine_gateway.site import inspect_site, runnable_site

from .conftest import eventually
from .test_members import other_collector
from .test_service import database_away

__all__ = ["other_collector"]

PROFILE = """
manufacturer = "*"
model = "probe"
name = { fr = "Sonde", en = "Probe" }
protocol = "mqtt"
[[source]]
document = "Manual"
evidence = "manual"
[mqtt]
topic = "site/{room}/data"
time = { path = "ts", format = "unix_ms" }
[[mqtt.availability]]
topic = "site/{room}/state"
[[channel]]
key = "temperature"
name = { fr = "Température", en = "Temperature" }
unit = "Cel"
quantity = "temperature"
decimals = 1
path = "air.temp"
unit_path = "unit"
none = ["n/a"]
[[channel]]
key = "valve"
name = { fr = "Vanne", en = "Valve" }
unit = "1"
quantity = "state"
decimals = 0
topic = "{topic}/valve"
words = { OPEN = 1, CLOSED = 0 }
path = "$"
"""
DEVICE = """
[[device]]
key = "{room}"
profile = "probe.toml"
connection = {{ transport = "mqtt", broker = "platform", names = {{ room = "{room}" }} }}
every = "1 min"
{more}
"""
CHANNEL = """
  [[device.channel]]
  key = "temperature"
  unit = "{unit}"
  quality = {{ gross_range = {{ fail = [-10, 50] }} }}
  [[device.channel]]
  key = "valve"
"""
NOW_S = 1_790_000_000.0
NOW_MS = 1_790_000_000_000


def write(folder: Path, *rooms: str, more: str = "") -> Path:
    (folder / "probe.toml").write_text(PROFILE)
    path = folder / "site.toml"
    path.write_text(HEAD.format(port=1) + "".join(DEVICE.format(room=room, more=more) for room in rooms))
    return path


def applied(database: psycopg.Connection, path: Path) -> tuple[CentralSensor, ...]:
    sensors = sensors_of(str(path))
    apply(database, load(path), sensors)
    return sensors


@pytest.fixture
def sensor(tmp_path: Path) -> CentralSensor:
    return sensors_of(str(write(tmp_path, "cave")))[0]


def test_a_sensor_is_the_same_after_its_way_through_the_database(sensor: CentralSensor) -> None:
    assert CentralSensor.from_json(json.loads(json.dumps(sensor.to_json()))) == sensor
    assert sensor.filters == ("site/cave/data", "site/cave/data/valve", "site/cave/state")


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("site/cave/data", {"ts": NOW_MS - 5000, "air": {"temp": 21.5}, "unit": "C"}, (NOW_MS - 5000, True, [21.5], 0)),
        ("site/cave/data", {"air": {"temp": "21.5"}, "unit": "C"}, (NOW_MS, False, [21.5], 0)),
        ("site/cave/data", {"air": {"temp": 68}, "unit": "°F"}, (NOW_MS, False, [pytest.approx(20.0)], 0)),
        ("site/cave/data", {"air": {"temp": 68}, "unit": "bar"}, (NOW_MS, False, [None], Test.SENSOR_STATUS)),
        ("site/cave/data", {"air": {"temp": "n/a"}, "unit": "C"}, (NOW_MS, False, [None], Test.SENTINEL)),
        ("site/cave/data", {"air": {"temp": "21 °C"}, "unit": "C"}, (NOW_MS, False, [None], Test.SENSOR_STATUS)),
        ("site/cave/data", {"ts": 5, "air": {"temp": 1}, "unit": "C"}, (NOW_MS, False, [1.0], 0)),
        ("site/cave/data/valve", "OPEN", (NOW_MS, False, [1.0], 0)),
    ],
)
def test_a_message_says(sensor: CentralSensor, topic: str, payload: object, expected: tuple) -> None:
    raw = payload if isinstance(payload, str) else json.dumps(payload)
    said = read_message(sensor, topic, raw.encode(), NOW_S)
    time_ms, own, values, tests = expected
    assert (said.time_ms, said.own) == (time_ms, own)
    assert [value for _, value, _ in said.values] == values
    assert [tests for *_, tests in said.values] == [tests]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("site/cave/data", b"{", "not JSON"),
        ("site/cave/data", b'{"air": {}}', "has none of: air.temp"),
        ("site/cave/data", b"[" * 100_000, "not JSON"),
        ("site/cave/state", b"perhaps", "neither online nor offline"),
    ],
)
def test_a_message_that_does_not_hold_what_it_should_says_why(
    sensor: CentralSensor, topic: str, payload: bytes, reason: str
) -> None:
    with pytest.raises(PayloadError, match=reason):
        read_message(sensor, topic, payload, NOW_S)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    topic=st.sampled_from(["site/cave/data", "site/cave/data/valve", "site/cave/state"]),
    payload=st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=5)),
            lambda inner: st.dictionaries(st.sampled_from(["air", "temp", "ts", "unit", "state"]), inner, max_size=4),
        ).map(lambda found: json.dumps(found).encode()),
    ),
)
def test_no_message_is_more_than_refused(sensor: CentralSensor, topic: str, payload: bytes) -> None:
    try:
        said = read_message(sensor, topic, payload, NOW_S)
    except PayloadError:
        return
    assert said.time_ms > 0
    assert said.values or said.online is not None


MISTAKES = [
    ('broker = "platform", host = "h", topic = "a/b"', "json-temperature-humidity", "unknown-key"),
    ('broker = "cloud", topic = "a/b"', "json-temperature-humidity", "not-allowed"),
    ('broker = "platform"', "json-temperature-humidity", "missing-key"),
    ('broker = "platform", names = { prefix = "p", node = "n" }', "home-assistant", "not-allowed"),
]


@pytest.mark.parametrize(("keys", "profile", "code"), MISTAKES)
def test_mistakes_are_told(keys: str, profile: str, code: str, tmp_path: Path) -> None:
    path = write(tmp_path, "cave")
    where = f'{{ transport = "mqtt", {keys} }}'
    path.write_text(HEAD.format(port=1) + f'[[device]]\nkey = "one"\nprofile = "{profile}"\nconnection = {where}\n')
    _, problems = inspect_site(path)
    assert code in {problem.code for problem in problems}, [str(problem) for problem in problems]


def test_a_gateway_leaves_them_to_the_collectors(tmp_path: Path) -> None:
    with pytest.raises(InstallationError) as caught:
        runnable_site(write(tmp_path, "cave"))
    assert [problem.code for problem in caught.value.problems] == ["nothing-to-read"]


@pytest.mark.plain
def test_applying_a_file_makes_devices_channels_and_what_is_read(database: psycopg.Connection, tmp_path: Path) -> None:
    path = write(tmp_path, "cave", "roof", more=CHANNEL.format(unit="K"))
    applied(database, path)
    applied(database, path)
    assert database.execute("SELECT path, unit, period_s, rules FROM channel ORDER BY path").fetchall()[:2] == [
        ("cave/temperature", "K", 60.0, {"flat_line_tolerance": 0.0, "gross_range_fail": [-10.0, 50.0]}),
        ("cave/valve", "1", 60.0, {"flat_line_tolerance": 0.0}),
    ]
    assert database.execute("SELECT node, online FROM gateway").fetchall() == [("+broker", False)]
    watch = Watch.load(database, Arrival())
    assert [one.sensor.key for one in watch.of("site/roof/data")] == ["roof"]
    applied(database, write(tmp_path, "cave"))
    watch = Watch.load(database, Arrival())
    assert [one.sensor.key for one in watch.sensors] == ["cave"]
    assert watch.stale == {"site/roof/data", "site/roof/data/valve", "site/roof/state"}


@pytest.mark.plain
def test_the_command_tells_what_it_applied(database_url: str, tmp_path: Path) -> None:
    path = write(tmp_path, "cave")
    done = CliRunner().invoke(commands.catalogue, ["apply", str(path), "--url", database_url], env={"LANG": "en"})
    assert "Sensors on the platform's broker: cave" in done.output, (done.output, done.exception)


@pytest.mark.plain
def test_times_that_are_not_known_make_values_suspect(database: psycopg.Connection, tmp_path: Path) -> None:
    applied(database, write(tmp_path, "cave"))
    watched = Watch.load(database, Arrival()).sensors[0]

    def tests(payload: dict[str, object], **how: bool) -> list[int]:
        batch = Batch()
        take(batch, watched, Incoming("site/cave/data", json.dumps(payload).encode(), NOW_S), **how)
        batch.judge(Arrival())
        return [int(one) for one in batch.rows.tests]

    plain = {"air": {"temp": 1}, "unit": "C"}
    own = {"ts": NOW_MS - 1, **plain}
    assert tests(plain) == [0]
    assert tests(plain, waited=True) == [Test.TIME_UNCERTAIN]
    assert tests(own, waited=True) == [0]
    assert tests({**own, "ts": 7}) == [Test.TIME_UNCERTAIN]
    assert tests(plain, retained=True) == []
    assert tests(own, retained=True) == [0]


class Probe:
    """A sensor on the broker."""

    def __init__(self, port: int) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def say(self, payload: object, topic: str = "site/cave/data") -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.client.publish(topic, text, qos=1).wait_for_publish(10)

    def measure(self, number: int) -> None:
        self.say({"ts": NOW_MS + number, "air": {"temp": number}, "unit": "C"})

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def probe(mosquitto: ServerProcess) -> Iterator[Probe]:
    made = Probe(mosquitto.port)
    yield made
    made.close()


def values(database: psycopg.Connection) -> list[float]:
    return [value for (value,) in database.execute("SELECT value FROM measurement ORDER BY time, value").fetchall()]


@pytest.mark.plain
def test_what_sensors_publish_is_written_once_whatever_goes_away(
    database: psycopg.Connection,
    database_url: str,
    plain_server: Server,
    make_collector: Callable[[], Collector],
    probe: Probe,
    tmp_path: Path,
) -> None:
    applied(database, write(tmp_path, "cave"))
    first = make_collector()
    probe.say("online", "site/cave/state")
    probe.measure(1)
    # Said before anybody listened, it is lost: a persistent session begins with its first subscription.
    eventually(lambda: probe.measure(2) or 2.0 in values(database))
    online = "SELECT g.online AND d.online FROM gateway g JOIN device d USING (gateway_id)"
    eventually(lambda: database.execute(online).fetchone() == (True,))
    assert database.execute("SELECT value FROM latest").fetchone() == (2.0,)
    first.stop()
    for number in (2, 3, 4):
        probe.measure(number)
    make_collector()
    eventually(lambda: {2.0, 3.0, 4.0} <= set(values(database)))
    with database_away(plain_server, database_url):
        for number in range(5, 30):
            probe.measure(number)
        time.sleep(0.5)
    with psycopg.connect(database_url) as fresh:
        eventually(lambda: set(map(float, range(2, 30))) <= set(values(fresh)), 40)
        found = values(fresh)
    assert len(found) == len(set(found))


@pytest.mark.plain
def test_a_message_that_cannot_be_read_is_kept_and_can_be_replayed(
    database: psycopg.Connection, make_collector: Callable[[], Collector], probe: Probe, tmp_path: Path
) -> None:
    applied(database, write(tmp_path, "cave"))
    collector = make_collector()
    eventually(lambda: probe.measure(1) or values(database))
    probe.say({"ts": NOW_MS + 7, "air": 7, "unit": "C"})
    probe.measure(2)
    eventually(lambda: values(database) == [1.0, 2.0])
    item = rejections.newest(database, 1)[0]
    assert (item.topic, item.code, item.reason) == (
        "site/cave/data",
        "sensor-message",
        "site/cave/data has none of: air.temp",
    )
    assert collector.central.counts["refused"] == 1
    with pytest.raises(VitrineError, match="has none of"):
        replay(database, item)
    path = write(tmp_path, "cave")
    (tmp_path / "probe.toml").write_text(PROFILE.replace('path = "air.temp"', 'path = "air"'))
    applied(database, path)
    assert replay(database, item) == 1
    assert rejections.count(database) == 0
    assert database.execute("SELECT time FROM measurement WHERE value = 7").fetchone() == (
        datetime.datetime.fromtimestamp((NOW_MS + 7) / 1000, datetime.UTC),
    )
    database.execute("UPDATE central_sensor SET current = false")
    with pytest.raises(VitrineError, match="no sensor that is applied"):
        replay(database, item)


@pytest.mark.plain
def test_a_presence_that_the_database_refuses_stops_no_other(
    database: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    applied(database, write(tmp_path, "cave", "attic"))
    database.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF new.key = 'cave' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = 'XX000'; END IF; RETURN new; END $$;"
        "CREATE TRIGGER trap BEFORE UPDATE ON device FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    store = Store(database_url, threading.Event())
    work = CentralWork(store, Broker(host="127.0.0.1", port=1), Members(), "vitrine")
    work._look()
    said = [Incoming(f"site/{room}/state", b"online", NOW_S) for room in ("cave", "attic")]
    work.write([Delivered(message, packet, 1, False, False) for packet, message in enumerate(said)])
    store.close()
    assert database.execute("SELECT key FROM device WHERE online").fetchall() == [("attic",)]
    assert database.execute("SELECT topic, code, reason FROM rejected").fetchall() == [
        ("site/cave/state", "database", "not this one [SQLSTATE XX000]")
    ]


def test_two_collectors_write_each_message_once_and_one_takes_over(
    database: psycopg.Connection,
    make_collector: Callable[[], Collector],
    other_collector: subprocess.Popen[bytes],
    probe: Probe,
    tmp_path: Path,
) -> None:
    applied(database, write(tmp_path, "cave"))
    collector = make_collector()
    eventually(lambda: len(collector.members.alive) == 2)
    number = 0

    def measure() -> None:
        nonlocal number
        number += 1
        probe.measure(number)

    eventually(lambda: measure() or len(values(database)) >= 3)
    begun = number
    for _ in range(50):
        measure()
    eventually(lambda: float(number) in values(database))
    other_collector.send_signal(signal.SIGKILL)
    other_collector.wait()
    for _ in range(50):
        measure()
    eventually(lambda: len(collector.members.alive) == 1, 30)
    eventually(lambda: set(map(float, range(begun, number + 1))) <= set(values(database)), 30)
    found = values(database)
    assert len(found) == len(set(found))
    assert database.execute("SELECT count(*) FROM gateway WHERE online").fetchone() == (1,)


def test_the_way_of_a_message_needs_no_room_but_core() -> None:
    code = "import vitrine.mqtt.message, sys; print([name for name in sys.modules if name.startswith('vitrine_')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
