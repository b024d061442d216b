"""A seeded platform: a public pilot with values and a dataset, a private one, three accounts."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.types.json import Jsonb

from tests.servers.model import Server
from tests.servers.templates import Template, clone, template
from vitrine.settings import Settings
from vitrine_api.app import create_app
from vitrine_api.passwords import hash_password
from vitrine_database.migration import migrate

#: The seeded values begin here: one a second for two hours, channel 1; one a minute, channel 2.
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = 7200
PACKAGE = bytes(range(256)) * 40
PASSWORDS = {"oriane": "correct-horse", "eva": "battery-staple", "compagnie": "tr0mbone-bleu"}


def text(fr: str, en: str) -> Jsonb:
    return Jsonb({"fr": fr, "en": en})


def seed(url: str) -> None:
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        _catalogue(connection)
        _values(connection)
        _delivery(connection)
        _results(connection)
        _accounts(connection)


def _catalogue(connection: psycopg.Connection) -> None:
    installation = (
        "INSERT INTO installation (slug, kind, domain, name, organisation, public, simulated) "
        "VALUES (%s, 'test_bench', 'water', %s, %s, %s, true)"
    )
    connection.execute(installation, ("pilote-uf", text("Pilote", "Pilot"), "eau-claire", True))
    connection.execute(installation, ("secret", text("Secret", "Secret"), "neige", False))
    connection.execute("INSERT INTO gateway (installation_id, node) VALUES (1, 'pi-uf-01'), (2, 'pi-se-01')")
    connection.execute("INSERT INTO device (gateway_id, key, online) VALUES (1, 'feed', true), (2, 'feed', false)")
    connection.execute('UPDATE gateway SET devices_health = \'{"feed": {"success": 0.9}}\' WHERE gateway_id = 1')
    channel = (
        "INSERT INTO channel (installation_id, device_id, key, path, name, unit, period_s) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    connection.execute(channel, (1, 1, "flow", "feed/flow", text("Débit", "Flow"), "m3/h", 1))
    connection.execute(channel, (1, 1, "level", "feed/level", text("Niveau", "Level"), "m", 60))
    connection.execute(channel, (2, 2, "flow", "feed/flow", text("Débit", "Flow"), "m3/h", 1))


def _values(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO measurement SELECT %s + i * interval '1 s', 1, "
        "CASE WHEN i %% 100 = 7 THEN NULL ELSE i / 8.0 END, CASE WHEN i %% 100 = 7 THEN 9 ELSE 1 END, "
        "CASE WHEN i %% 100 = 7 THEN 64 ELSE 0 END FROM generate_series(0, %s - 1) i",
        (BEGIN, ROWS),
    )
    connection.execute(
        "INSERT INTO measurement SELECT %s + i * interval '1 min', 2, i, CASE WHEN i = 5 THEN 4 ELSE 2 END, 0 "
        "FROM generate_series(0, 119) i",
        (BEGIN,),
    )
    latest = "INSERT INTO latest VALUES (%s, %s, %s, %s, %s, now())"
    connection.execute(latest, (1, BEGIN + timedelta(hours=2), 899.875, 1, 0))
    connection.execute(latest, (2, BEGIN + timedelta(hours=2), None, 9, 128))


def _delivery(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO event (gateway_id, device, time, kind, before, after) "
        """VALUES (1, 'feed', '2026-10-02', 'instrument', '{"Serial": "A"}', '{"Serial": "B"}')"""
    )
    connection.execute("""INSERT INTO channel_change VALUES (1, '2026-10-01', 'unit', '"m3/h"', '"L/h"', 'ab')""")
    connection.execute("INSERT INTO late_hour VALUES (1, %s, 5, 2), (2, %s, 1, 0)", (BEGIN, BEGIN))
    epoch = "7a3c1df6-5b3e-4d6e-9a51-0d7f4f6c9b10"
    connection.execute("UPDATE gateway SET epoch = %s, online = true WHERE gateway_id = 1", (epoch,))
    connection.execute(
        "INSERT INTO delivery (gateway_id, epoch, held, lost, repeated) "
        "VALUES (1, %s, '{[1,101),[111,200)}', '{[101,104)}', 3)",
        (epoch,),
    )
    connection.execute(
        "INSERT INTO loss (gateway_id, epoch, records, first_time, last_time, reason) "
        "VALUES (1, %s, '{[101,104)}', %s, %s, 'disk limit')",
        (epoch, BEGIN, BEGIN),
    )


def _results(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO indicator (installation_id, key, version, name, description, formula, unit, inputs, parameters) "
        "VALUES (1, 'specific-energy', 2, %s, %s, 'energy / volume', 'kW.h/m3', '{}', '{}')",
        (text("Énergie", "Energy"), text("", "")),
    )
    connection.execute(
        "INSERT INTO indicator_value (indicator_id, period, bucket, value, coverage) "
        "SELECT 1, 'hour', %s + i * interval '1 h', CASE WHEN i = 1 THEN NULL ELSE 0.25 END, 0.9 "
        "FROM generate_series(0, 3) i",
        (BEGIN,),
    )
    dataset = (
        "INSERT INTO dataset (installation_id, slug, title, first_time, last_time, build, file_name, file_bytes, "
        "file_sha256) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    period = (BEGIN, BEGIN + timedelta(days=1))
    digest = hashlib.sha256(PACKAGE).hexdigest()
    done = ("done", "vitrine_pilote-uf_1.zip", len(PACKAGE), digest)
    connection.execute(dataset, (1, "vitrine_pilote-uf_1", text("Un", "One"), *period, *done))
    connection.execute(dataset, (1, "vitrine_pilote-uf_2", text("Deux", "Two"), *period, "queued", None, None, None))
    connection.execute(dataset, (2, "vitrine_secret_1", text("Trois", "Three"), *period, *done))


def _accounts(connection: psycopg.Connection) -> None:
    account = "INSERT INTO account (login, password_hash, role, organisation) VALUES (%s, %s, %s, %s)"
    connection.execute(account, ("oriane", hash_password(PASSWORDS["oriane"]), "operator", ""))
    connection.execute(account, ("eva", hash_password(PASSWORDS["eva"]), "evaluator", ""))
    connection.execute(account, ("compagnie", hash_password(PASSWORDS["compagnie"]), "company", "neige"))


@pytest.fixture(scope="session")
def seeded(plain_server: Server) -> Template:
    return template(plain_server, "api", seed)


@pytest.fixture
def url(plain_server: Server, seeded: Template) -> Iterator[str]:
    with clone(plain_server, seeded) as dsn:
        yield dsn


@pytest.fixture
def known(url: str, tmp_path: Path) -> Settings:
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "vitrine_pilote-uf_1.zip").write_bytes(PACKAGE)
    return Settings(VITRINE_DATABASE_URL=url, data_dir=tmp_path)  # type: ignore[call-arg]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def app(known: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(known)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with speaking_to(app) as opened:
        yield opened


@asynccontextmanager
async def speaking_to(app: FastAPI, language: str = "en") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    headers = {"Accept-Language": language}
    async with httpx.AsyncClient(transport=transport, base_url="http://vitrine.test", headers=headers) as opened:
        yield opened


def basic(login: str) -> httpx.BasicAuth:
    return httpx.BasicAuth(login, PASSWORDS[login])
