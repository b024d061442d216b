"""A small world for the portal: two installations with thirty days of one-minute values and some live seconds.

What the numbers are is known: a stretch of suspect values, some failed ones, a gap of 7 h 20 and a silent sensor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

EPOCH = UUID("c3f1a6de-5a4b-4a1e-9d2e-0b54f5b7a001")


@dataclass(frozen=True)
class Seeded:
    """One channel: key path, names, unit, decimals, period, and its value as SQL over `t` (seconds) and `n` (noise)."""

    device: str
    key: str
    fr: str
    en: str
    unit: str
    decimals: int
    period: float
    value: str
    rules: dict[str, object]
    profile: str = ""


def _range(fail: tuple[float, float], suspect: tuple[float, float]) -> dict[str, object]:
    return {"gross_range_fail": list(fail), "gross_range_suspect": list(suspect)}


_DAY = "sin(t / 86400.0 * 2 * pi())"
UF = [
    Seeded(
        "feed-flow",
        "flow",
        "Débit d’alimentation",
        "Feed flow",
        "m3/h",
        2,
        1,
        f"8.4 + 0.3 * {_DAY} + 0.05 * n",
        _range((0, 12), (0.2, 10)),
        "siemens-mag6000",
    ),
    Seeded(
        "permeate-flow",
        "flow",
        "Débit de perméat",
        "Permeate flow",
        "m3/h",
        2,
        1,
        f"7.8 + 0.3 * {_DAY} + 0.05 * n",
        _range((0, 12), (0.2, 10)),
        "siemens-mag6000",
    ),
    Seeded(
        "feed-turbidity",
        "turbidity",
        "Turbidité de l’eau brute",
        "Feed turbidity",
        "{NTU}",
        1,
        1,
        f"12 + 6 * sin(t / 700000.0) + 0.6 * n + 2 * {_DAY}",
        _range((0, 400), (0.5, 60)),
    ),
    Seeded(
        "permeate-turbidity",
        "turbidity",
        "Turbidité du perméat",
        "Permeate turbidity",
        "{NTU}",
        3,
        1,
        f"0.042 + 0.006 * {_DAY} + 0.004 * n",
        _range((0, 5), (0.005, 0.3)),
    ),
    Seeded(
        "tmp",
        "pressure",
        "Pression transmembranaire",
        "Transmembrane pressure",
        "kPa",
        1,
        1,
        "32 + 18 * ((t / 1800.0) - floor(t / 1800.0)) + 0.5 * n",
        _range((0, 120), (5, 90)),
    ),
    Seeded(
        "water",
        "temperature",
        "Température de l’eau",
        "Water temperature",
        "Cel",
        1,
        10,
        f"9.6 + 0.4 * {_DAY} + 0.03 * n",
        _range((-2, 60), (1, 35)),
    ),
    Seeded(
        "pump",
        "active_power",
        "Puissance de la pompe",
        "Pump power",
        "W",
        0,
        1,
        "1920 + 40 * n + 6 * ((t / 1800.0) - floor(t / 1800.0))",
        {},
        "eastron-sdm630",
    ),
    Seeded(
        "pump",
        "import_energy",
        "Énergie de la pompe",
        "Pump energy",
        "kW.h",
        1,
        1,
        "12000 + t / 3600.0 * 1.92",
        {},
        "eastron-sdm630",
    ),
]
UF_PROCESS = {
    "units": [
        {"key": "river", "symbol": "source", "name": {"fr": "Eau brute", "en": "Raw water"}, "column": 1, "row": 1},
        {"key": "pump", "symbol": "pump", "name": {"fr": "Pompe", "en": "Pump"}, "column": 2, "row": 1},
        {"key": "module", "symbol": "membrane", "name": {"fr": "Module UF", "en": "UF module"}, "column": 3, "row": 1},
        {"key": "permeate", "symbol": "outlet", "name": {"fr": "Perméat", "en": "Permeate"}, "column": 4, "row": 1},
        {"key": "air", "symbol": "blower", "name": {"fr": "Air de lavage", "en": "Wash air"}, "column": 2, "row": 2},
    ],
    "flows": [
        {"path": ["river", "pump", "module", "permeate"], "medium": "water"},
        {"path": ["air", "module"], "medium": "air"},
        {"path": ["module", "river"], "medium": "water"},
    ],
    "readings": [
        {"channel": channel, "unit": unit, "side": side, "name": {"fr": fr, "en": en}}
        for channel, unit, side, fr, en in (
            ("feed-turbidity/turbidity", "river", "above", "Turbidité", "Turbidity"),
            ("water/temperature", "river", "below", "Température", "Temperature"),
            ("feed-flow/flow", "pump", "above", "Débit", "Flow"),
            ("pump/active_power", "pump", "below", "Puissance", "Power"),
            ("tmp/pressure", "module", "above", "Pression transm.", "Transm. pressure"),
            ("permeate-flow/flow", "permeate", "above", "Débit", "Flow"),
            ("permeate-turbidity/turbidity", "permeate", "below", "", ""),
            ("not/born", "permeate", "below", "", ""),
        )
    ],
}
HALL = [
    Seeded(
        "main",
        "active_power",
        "Puissance du bâtiment",
        "Building power",
        "W",
        0,
        1,
        f"5400 + 2100 * {_DAY} + 200 * n",
        {},
        "eastron-sdm630",
    ),
    Seeded(
        "heat-pump",
        "active_power",
        "Puissance de la thermopompe",
        "Heat pump power",
        "W",
        0,
        1,
        f"2400 - 700 * {_DAY} + 120 * n",
        {},
        "carlo-gavazzi-em340",
    ),
    Seeded(
        "outdoor",
        "temperature",
        "Température extérieure",
        "Outdoor temperature",
        "Cel",
        1,
        60,
        f"-3 + 5 * {_DAY} + 0.2 * n",
        _range((-60, 60), (-45, 45)),
    ),
    Seeded(
        "indoor",
        "temperature",
        "Température intérieure",
        "Indoor temperature",
        "Cel",
        1,
        60,
        f"21 + 0.6 * {_DAY} + 0.1 * n",
        _range((-10, 50), (5, 35)),
    ),
]


def seed(connection: psycopg.Connection, now: datetime | None = None, *, days: int = 30, live: int = 900) -> datetime:
    """Fill an empty migrated database; return the instant up to which there are measurements."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    uf = _installation(
        connection,
        "pilote-uf",
        "test_bench",
        "water",
        "Pilote d’ultrafiltration",
        "Ultrafiltration pilot",
        "Banc d’essai d’une membrane à fibres creuses sur une eau de rivière, avant désinfection.",
        "Test bench of a hollow-fibre membrane on river water, ahead of disinfection.",
        "eau-claire",
        "Eau-Claire Membranes inc.",
        "Sherbrooke",
    )
    hall = _installation(
        connection,
        "batiment-vitrine",
        "showcase",
        "energy_efficiency",
        "Bâtiment vitrine",
        "Showcase building",
        "Chauffage par thermopompe d’un bâtiment municipal, comparé à son année de référence.",
        "Heat-pump heating of a municipal building, against its baseline year.",
        "val-des-pres",
        "Municipalité de Val-des-Prés",
        "Val-des-Prés",
    )
    first = now - timedelta(days=days)
    channels = _channels(connection, uf, "pi-uf-01", UF, now)
    others = _channels(connection, hall, "pi-bat-01", HALL, now)
    for item, channel in [*zip(UF, channels, strict=True), *zip(HALL, others, strict=True)]:
        _measure(connection, item, channel, first, now - timedelta(seconds=live), 60)
        _measure(connection, item, channel, now - timedelta(seconds=live), now, item.period)
    _disturb(connection, channels, now)
    _latest(connection)
    _indicators(connection, uf, hall, now)
    _deliveries(connection, now)
    _datasets(connection, uf, now)
    connection.execute("ANALYZE")
    return now


def _installation(connection, slug, kind, domain, fr, en, about_fr, about_en, organisation, name, municipality):
    row = connection.execute(
        "INSERT INTO installation (slug, kind, domain, name, description, organisation, organisation_name,"
        " municipality, simulated, file_sha256, applied_at, process)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, true, %s, now(), %s) RETURNING installation_id",
        (
            slug,
            kind,
            domain,
            json.dumps({"fr": fr, "en": en}),
            json.dumps({"fr": about_fr, "en": about_en}),
            organisation,
            name,
            municipality,
            "9f2c41abe07d" + "0" * 52,
            json.dumps(UF_PROCESS) if domain == "water" else None,
        ),
    ).fetchone()
    return row[0]


def _channels(connection, installation, node, items, now):
    gateway = connection.execute(
        "INSERT INTO gateway (installation_id, node, online, bd_seq, epoch, born_at, seen_at, software, file_sha256,"
        " queue_depth, queue_bytes, oldest_unsent_s, clock_source, clock_offset_ms) VALUES"
        " (%s, %s, true, 3, %s, %s, %s, '0.1.0', %s, 2, 812, 0.4, 'ntp', 3.1) RETURNING gateway_id",
        (installation, node, EPOCH, now - timedelta(days=9), now, "9f2c41abe07d" + "0" * 52),
    ).fetchone()[0]
    devices: dict[str, int] = {}
    found = []
    for item in items:
        if item.device not in devices:
            devices[item.device] = connection.execute(
                "INSERT INTO device (gateway_id, key, profile, online) VALUES (%s, %s, %s, true) RETURNING device_id",
                (gateway, item.device, item.profile),
            ).fetchone()[0]
        found.append(
            connection.execute(
                "INSERT INTO channel (installation_id, device_id, key, path, name, unit, decimals, period_s, accuracy,"
                " calibration, rules) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING channel_id",
                (
                    installation,
                    devices[item.device],
                    item.key,
                    f"{item.device}/{item.key}",
                    json.dumps({"fr": item.fr, "en": item.en}),
                    item.unit,
                    item.decimals,
                    item.period,
                    "0.4 % of reading" if item.unit == "m3/h" else "",
                    json.dumps({"date": "2026-03-02", "due": "2027-03-02", "certificate": "CE-1182"})
                    if item.unit == "m3/h"
                    else None,
                    json.dumps(item.rules),
                ),
            ).fetchone()[0]
        )
    told = {key: {"success": 1.0, "latency_ms": 40.0, "breaker": "closed"} for key in devices}
    told[min(devices)] = {"success": 0.87, "latency_ms": 200.0, "breaker": "half-open", "missed_slots": 3}
    connection.execute("UPDATE gateway SET devices_health = %s WHERE gateway_id = %s", (json.dumps(told), gateway))
    return found


def _measure(connection, item, channel, first, last, period) -> None:
    connection.execute(
        "INSERT INTO measurement (time, channel_id, value, quality)"
        f" SELECT time, %(channel)s, {item.value}, %(quality)s FROM (SELECT time,"
        " extract(epoch FROM time - '2026-01-01Z'::timestamptz)::float8 AS t, random() - 0.5 AS n"
        " FROM generate_series(%(first)s::timestamptz, %(last)s::timestamptz - interval '1 ms',"
        " make_interval(secs => %(period)s)) AS time) AS moments ON CONFLICT DO NOTHING",
        {"channel": channel, "quality": 1 if item.rules else 2, "first": first, "last": last, "period": period},
    )


def _disturb(connection, channels, now) -> None:
    """A night without power, a sensor that was cleaned, a suspect hour, a register that held no value."""
    connection.execute(
        "DELETE FROM measurement WHERE channel_id = ANY (%s) AND time >= %s AND time < %s",
        (channels, now - timedelta(days=9, hours=11, minutes=20), now - timedelta(days=9, hours=4)),
    )
    turbidity, pressure, feed = channels[3], channels[4], channels[2]
    hours, minutes = (lambda count: timedelta(hours=count)), (lambda count: timedelta(minutes=count))
    _replace(connection, turbidity, now - hours(6), now - hours(6) + minutes(20), "4.1", 4, 1)
    _replace(connection, turbidity, now - hours(14), now - hours(14) + minutes(50), "value * 9", 3, 1)
    _replace(connection, pressure, now - hours(3), now - hours(2), "NULL", 9, 128)
    connection.execute("DELETE FROM measurement WHERE channel_id = %s AND time >= %s", (feed, now - minutes(27)))
    _replace(connection, turbidity, now - timedelta(seconds=13), now, "0.41", 3, 1)


def _replace(connection, channel, first, last, value, quality, tests) -> None:
    """Take a stretch out and write it again: what was measured is never changed in place."""
    where = "WHERE channel_id = %s AND time >= %s AND time < %s"
    connection.execute(f"CREATE TEMP TABLE stretch AS SELECT * FROM measurement {where}", (channel, first, last))
    connection.execute(f"DELETE FROM measurement {where}", (channel, first, last))
    connection.execute(
        f"INSERT INTO measurement SELECT time, channel_id, {value}, %s, %s FROM stretch", (quality, tests)
    )
    connection.execute("DROP TABLE stretch")


def _latest(connection) -> None:
    connection.execute(
        "INSERT INTO latest SELECT channel.channel_id, m.time, m.value, m.quality, m.tests, m.time FROM channel,"
        " LATERAL (SELECT * FROM measurement WHERE measurement.channel_id = channel.channel_id"
        " ORDER BY time DESC LIMIT 1) AS m"
    )


def _indicators(connection, uf, hall, now) -> None:
    rows = [
        (
            uf,
            "specific-energy",
            1,
            0,
            "Énergie spécifique",
            "Specific energy",
            "kW.h/m3",
            3,
            "energy / volume",
            0.245,
            0.02,
        ),
        (
            uf,
            "turbidity-removal",
            1,
            1,
            "Réduction de turbidité",
            "Turbidity removal",
            "%",
            2,
            "1 - out / in",
            99.6,
            0.1,
        ),
        (hall, "energy-saved", 1, 0, "Énergie économisée", "Energy saved", "%", 1, "1 - measured / baseline", 34.0, 5),
    ]
    for installation, key, version, position, fr, en, unit, decimals, formula, level, spread in rows:
        indicator = connection.execute(
            "INSERT INTO indicator (installation_id, key, version, position, name, description, formula, unit,"
            " decimals, inputs, parameters) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', '{}')"
            " RETURNING indicator_id",
            (
                installation,
                key,
                version,
                position,
                json.dumps({"fr": fr, "en": en}),
                json.dumps({"fr": "", "en": ""}),
                formula,
                unit,
                decimals,
            ),
        ).fetchone()[0]
        for period, step, count in (("hour", "1 hour", 24 * 30), ("day", "1 day", 30)):
            connection.execute(
                "INSERT INTO indicator_value (indicator_id, period, bucket, value, coverage)"
                " SELECT %(indicator)s, %(period)s, bucket, CASE WHEN extract(day FROM bucket) <> 14 THEN"
                " %(level)s + (random() - 0.5) * %(spread)s END,"
                " CASE WHEN extract(day FROM bucket) = 14 THEN 0.694 ELSE 0.97 + random() * 0.03 END"
                " FROM generate_series(date_trunc(%(period)s, %(now)s::timestamptz, 'UTC') - %(count)s * %(step)s::interval,"
                " %(now)s, %(step)s::interval) AS bucket",
                {
                    "indicator": indicator,
                    "period": period,
                    "level": level,
                    "spread": spread,
                    "now": now,
                    "count": count,
                    "step": step,
                },
            )


def _deliveries(connection, now) -> None:
    connection.execute(
        "INSERT INTO delivery (gateway_id, epoch, held, lost, repeated, first_at)"
        " SELECT gateway_id, epoch, '{[1,8114902),[8114948,9200000)}', '{[8114902,8114948)}', 12, %s FROM gateway",
        (now - timedelta(days=40),),
    )
    connection.execute(
        "INSERT INTO late_hour SELECT channel_id, date_trunc('hour', %s::timestamptz), 1000 - 766 * (channel_id - 1), 0"
        " FROM channel WHERE channel_id < 3",
        (now,),
    )
    connection.execute(
        "INSERT INTO loss (gateway_id, epoch, records, first_time, last_time, reason, reported_at)"
        " SELECT gateway_id, epoch, '{[8114902,8114948)}', %s, %s, 'power cut before the record was on disk', %s"
        " FROM gateway WHERE node = 'pi-uf-01'",
        (now - timedelta(days=20, seconds=4), now - timedelta(days=20), now - timedelta(days=20)),
    )


def _datasets(connection, uf, now) -> None:
    summary = {"channels": 8, "indicators": 2}
    connection.execute(
        "INSERT INTO dataset (installation_id, slug, title, first_time, last_time, build, progress, stage, file_name,"
        " file_bytes, file_sha256, rows, summary, created_by, built_at) VALUES"
        " (%s, 'vitrine_pilote-uf_semaine-46', %s, %s, %s, 'done', 1, '', 'vitrine_pilote-uf_semaine-46_v1.0.0.zip',"
        " 3471000, %s, 80640, %s, 'evaluation', %s)",
        (
            uf,
            json.dumps({"fr": "Semaine 46", "en": "Week 46"}),
            now - timedelta(days=14),
            now - timedelta(days=7),
            "7b1e09c45d2f" + "a1f0" * 13,
            json.dumps(summary),
            now - timedelta(days=6),
        ),
    )


def beat(connection: psycopg.Connection, now: datetime | None = None) -> None:
    """One second of live measurements, as the collector would write them; the silent sensor stays silent."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    for installation, items in (("pilote-uf", UF), ("batiment-vitrine", HALL)):
        for item in items:
            if item.device == "feed-turbidity" or now.timestamp() % item.period:
                continue
            connection.execute(
                "WITH fresh AS (INSERT INTO measurement (time, channel_id, value, quality)"
                f" SELECT %(now)s, channel_id, {item.value}, %(quality)s FROM channel JOIN installation"
                " USING (installation_id), LATERAL (SELECT extract(epoch FROM %(now)s::timestamptz"
                " - '2026-01-01Z'::timestamptz)::float8 AS t, random() - 0.5 AS n) AS moment"
                " WHERE slug = %(slug)s AND path = %(path)s ON CONFLICT DO NOTHING RETURNING *)"
                " INSERT INTO latest SELECT channel_id, time, value, quality, tests, now() FROM fresh"
                " ON CONFLICT (channel_id) DO UPDATE SET time = excluded.time, value = excluded.value,"
                " quality = excluded.quality, tests = excluded.tests, received_at = excluded.received_at",
                {
                    "now": now,
                    "slug": installation,
                    "path": f"{item.device}/{item.key}",
                    "quality": 1 if item.rules else 2,
                },
            )
    connection.execute("UPDATE gateway SET seen_at = %s", (now,))
