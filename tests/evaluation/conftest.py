"""A database with two days of a small water pilot, and one with nothing but the schema."""

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.servers.templates import clone, template
from vitrine.settings import Settings
from vitrine_database.connection import connect
from vitrine_database.migration import migrate

FIRST = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
LAST = FIRST + timedelta(days=2)
FIRST_US = int(FIRST.timestamp()) * 1_000_000

CHANNELS = {
    "pump/energy": ("kW.h", {"gross_range_fail": [0, 1e9]}, 60.0),
    "feed/flow": ("m3/h", {"gross_range_fail": [0, 12], "gross_range_suspect": [0.2, 10]}, 60.0),
    "feed/turbidity": ("{NTU}", {"gross_range_fail": [0, 1000]}, 60.0),
    "permeate/turbidity": ("{NTU}", {}, 60.0),
    "indoor/temperature": ("Cel", {"gross_range_fail": [-50, 60]}, 300.0),
}
INDICATORS = [
    ("specific-energy", "increase(energy) / integral(flow)", "kW.h/m3", {"energy": "pump/energy", "flow": "feed/flow"}, {}),
    ("removal", "1 - mean(out) / mean(feed)", "%", {"out": "permeate/turbidity", "feed": "feed/turbidity"}, {}),
    ("saved", "base * hours() - increase(energy)", "kW.h", {"energy": "pump/energy"}, {"base": [3.0, "kW"]}),
    ("indoor", "mean(t)", "Cel", {"t": "indoor/temperature"}, {}),
    ("wrong", "mean(t) * 2", "Cel", {"t": "indoor/temperature"}, {}),
]  # fmt: skip


def text(word):
    return Jsonb({"fr": f"{word} à l’essai", "en": word})


def seed_catalogue(connection, slug="pilote"):
    """Enter an installation with its channels and indicators; return its number and the channels' numbers."""
    (installation,) = connection.execute(
        "INSERT INTO installation (slug, kind, domain, name, description, organisation, organisation_name, simulated,"
        " file_source, file_sha256) VALUES (%s, 'test_bench', 'water', %s, %s, 'eau', 'Eau claire', true, %s, %s)"
        " RETURNING installation_id",
        (slug, text("Pilot"), text("A pilot"), "[installation]\nslug = 'pilote'\n", "ab" * 32),
    ).fetchone()
    (gateway,) = connection.execute(
        "INSERT INTO gateway (installation_id, node) VALUES (%s, 'pi') RETURNING gateway_id", (installation,)
    ).fetchone()
    numbers = {}
    for path, (unit, rules, period) in CHANNELS.items():
        device, key = path.split("/")
        (device_id,) = connection.execute(
            "INSERT INTO device (gateway_id, key) VALUES (%s, %s)"
            " ON CONFLICT (gateway_id, key) DO UPDATE SET key = excluded.key RETURNING device_id",
            (gateway, device),
        ).fetchone()
        (numbers[path],) = connection.execute(
            "INSERT INTO channel (installation_id, device_id, key, path, name, unit, rules, period_s, calibration)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING channel_id",
            (installation, device_id, key, path, text(path), unit, Jsonb(rules), period,
             Jsonb({"date": "2026-01-02", "due": None, "certificate": "C-1"})),
        ).fetchone()  # fmt: skip
    for position, (key, formula, unit, inputs, parameters) in enumerate(INDICATORS):
        connection.execute(
            "INSERT INTO indicator (installation_id, key, version, position, name, description, formula, unit, inputs,"
            " parameters) VALUES (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s)",
            (installation, key, position, text(key), text(key), formula, unit, Jsonb(inputs), Jsonb(parameters)),
        )
    connection.execute(
        "INSERT INTO delivery (gateway_id, epoch, held, lost, first_at, last_at) VALUES"
        " (%s, '5f0c7b3e-7a1c-4a7e-9f51-0b8ad1d4d5a1', '{[1,501),[503,601)}', '{[501,502)}', %s, %s)",
        (gateway, FIRST, LAST),
    )
    connection.execute(
        "INSERT INTO loss (gateway_id, epoch, records, first_time, last_time, reason, reported_at) VALUES"
        " (%s, '5f0c7b3e-7a1c-4a7e-9f51-0b8ad1d4d5a1', '{[501,502)}', %s, %s, 'disk full', %s)",
        (gateway, FIRST, FIRST, LAST),
    )
    return installation, numbers


def measure(connection, installation, channel, time_us, value, quality=1, tests=0):
    """Write measurements as the collector does: with their stale hours, in one transaction."""
    time_us = np.asarray(time_us, dtype=np.int64)
    value = np.broadcast_to(np.asarray(value, dtype=float), time_us.shape)
    quality = np.broadcast_to(quality, time_us.shape)
    tests = np.broadcast_to(tests, time_us.shape)
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy("COPY measurement (time, channel_id, value, quality, tests) FROM STDIN") as copy:
            for moment, one, flag, bits in zip(time_us, value, quality, tests, strict=True):
                at = datetime.fromtimestamp(moment / 1e6, tz=UTC)
                copy.write_row((at, channel, None if np.isnan(one) else float(one), int(flag), int(bits)))
        hours = {datetime.fromtimestamp(int(moment // 3_600_000_000) * 3600, tz=UTC) for moment in time_us}
        cursor.executemany(
            "INSERT INTO stale_hour VALUES (%s, %s) ON CONFLICT DO NOTHING", [(installation, hour) for hour in hours]
        )


def minutes_of(first_us, count, every_us=60_000_000, offset_us=5_000_000):
    return first_us + offset_us + every_us * np.arange(count, dtype=np.int64)


def seed_measurements(connection, installation, numbers, days=2):
    """Two days of one-minute values with what real ones have: gaps, failures, suspicion, a counter that restarts."""
    random = np.random.default_rng(7)
    count = 1440 * days
    time = minutes_of(FIRST_US, count)
    energy = np.cumsum(random.uniform(0.02, 0.06, count)).round(3)
    energy[count // 2 :] -= energy[count // 2]
    measure(connection, installation, numbers["pump/energy"], time, energy)
    flow = (6 + np.sin(np.arange(count) / 50)).round(2)
    quality, tests = np.ones(count, dtype=int), np.zeros(count, dtype=int)
    flow[100:103], quality[100:103], tests[100:103] = 11.0, 3, 1
    flow[200], quality[200], tests[200] = 13.0, 4, 1
    flow[300:305], quality[300:305], tests[300:305] = np.nan, 9, 128
    measure(connection, installation, numbers["feed/flow"], time, flow, quality, tests)
    measure(connection, installation, numbers["feed/turbidity"], time, random.uniform(5, 15, count).round(2))
    gap = np.delete(time, slice(1500, 1700))
    measure(connection, installation, numbers["permeate/turbidity"], gap, random.uniform(0.01, 0.2, len(gap)), 2)
    slow = minutes_of(FIRST_US, 288 * days, 300_000_000)
    measure(connection, installation, numbers["indoor/temperature"], slow, random.uniform(19, 22, len(slow)).round(1))


def build_empty(url):
    migrate(url)


def build_seeded(url):
    migrate(url)
    with connect(url) as connection:
        installation, numbers = seed_catalogue(connection)
        seed_measurements(connection, installation, numbers)


@pytest.fixture
def empty_url(plain_server):
    with clone(plain_server, template(plain_server, "evaluation_empty", build_empty)) as url:
        yield url


@pytest.fixture
def seeded_url(plain_server):
    with clone(plain_server, template(plain_server, "evaluation_seeded", build_seeded)) as url:
        yield url


@pytest.fixture
def connection(seeded_url):
    with connect(seeded_url) as opened:
        yield opened


@pytest.fixture
def place(seeded_url, tmp_path):
    return Settings(VITRINE_DATABASE_URL=seeded_url, data_dir=tmp_path / "data")


def values(connection: psycopg.Connection, key: str, period: str):
    return connection.execute(
        "SELECT v.bucket, v.value, v.coverage FROM indicator_value v JOIN indicator i USING (indicator_id)"
        " WHERE i.key = %s AND v.period = %s ORDER BY v.bucket",
        (key, period),
    ).fetchall()
