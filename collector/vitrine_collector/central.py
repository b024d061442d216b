"""Sensors that publish to the platform's broker: how a file declares them, and how collectors learn of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from vitrine.errors import PayloadError, VitrineError
from vitrine.installation import Installation
from vitrine.mqtt.central import GROUP, CentralSensor, Resolve
from vitrine.mqtt.message import read_message
from vitrine.quality import Test
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Record
from vitrine_collector.decoding import Data
from vitrine_collector.inbox import Incoming
from vitrine_collector.nodes import Origin
from vitrine_database.queries import Queries
from vitrine_quality.rules import from_json

_SQL = Queries("vitrine_collector", "queries/central.sql")


def central_sensors(file: Path, installation: Installation) -> tuple[CentralSensor, ...]:
    """Return the central sensors that a file declares, by the profiles of whatever room brings them."""
    if not any(device.connection.central for device in installation.devices):
        return ()
    points = tuple(entry_points(group=GROUP))
    if not points:
        raise VitrineError(
            f"{file} declares sensors of the platform's broker, and no profiles are installed here",
            hint="Install this version of vitrine again, so that its entry points are known.",
        )
    resolve: Resolve = points[0].load()
    return resolve(str(file))


@dataclass(frozen=True, slots=True)
class Watched:
    """One sensor with the numbers of its rows."""

    sensor: CentralSensor
    slug: str
    installation_id: int
    gateway_id: int
    device_id: int
    #: Channel key → number.
    channels: dict[str, int]


@dataclass(frozen=True, slots=True)
class Watch:
    """All sensors that are to be read, and the topics of those that no longer are."""

    sensors: tuple[Watched, ...] = ()
    stale: frozenset[str] = field(default_factory=frozenset)

    @property
    def filters(self) -> frozenset[str]:
        """Topics to subscribe to."""
        return frozenset(topic for one in self.sensors for topic in one.sensor.filters)

    def of(self, topic: str) -> list[Watched]:
        """Return the sensors that a message of this topic is for."""
        return [one for one in self.sensors if one.sensor.wants(topic)]

    @classmethod
    def load(cls, connection: psycopg.Connection, arrival: Arrival) -> Watch:
        """Read what `vitrine catalogue apply` has written; `arrival` learns the rules of the channels."""
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(_SQL["sensors"]).fetchall()
        watched: list[Watched] = []
        gone: set[str] = set()
        for row in rows:
            sensor = CentralSensor.from_json(row["sensor"])
            if not row["current"]:
                gone.update(sensor.filters)
                continue
            watched.append(
                Watched(
                    sensor, row["slug"], row["installation_id"], row["gateway_id"], row["device_id"], row["channels"]
                )
            )
            for channel in sensor.channels:
                arrival.learn(row["channels"][channel.key], from_json(channel.rules))
        watch = cls(tuple(watched))
        return cls(watch.sensors, frozenset(gone) - watch.filters)


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a message for one sensor."""

    watched: Watched
    #: True or False where it says whether the sensor is there.
    online: bool | None


def take(batch: Batch, watched: Watched, incoming: Incoming, *, retained: bool = False, waited: bool = False) -> Heard:
    """Add a message to a batch; PayloadError where it does not hold what it should.

    A retained message counts only where it bears its own time; one that waited for an unknown time, and does not say
    when its values were measured, gives values whose time is uncertain.
    """
    said = read_message(watched.sensor, incoming.topic, incoming.payload, incoming.received_s)
    if said.online is not None:
        return Heard(watched, said.online)
    if retained and not said.own:
        return Heard(watched, None)
    if said.time_ms <= 0:
        raise PayloadError(f"a time is missing or impossible: {said.time_ms} ms")
    data, uncertain = Data(), said.doubtful or (waited and not said.own)
    for key, value, tests in said.values:
        data.times_ms.append(said.time_ms)
        data.channels.append(watched.channels[key])
        data.values.append(float("nan") if value is None else value)
        data.tests.append(tests | (int(Test.TIME_UNCERTAIN) if uncertain else 0))
    node = (watched.slug, watched.sensor.key)
    origin = Origin(node, watched.gateway_id, watched.installation_id, epoch=None)
    batch.add(Record(incoming, origin, number=None), data)
    return Heard(watched, online=True)
