"""A portal that answers on a free port of this machine, over a seeded database of its own."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import uvicorn

from tests.portal.seed import seed
from tests.servers.model import Server
from tests.servers.templates import clone, template
from vitrine.settings import Settings
from vitrine_api.app import create_app
from vitrine_api.passwords import hash_password
from vitrine_database.migration import migrate
from vitrine_database.rollup import catch_up

PASSWORD = "mot-de-passe-d-essai"


@dataclass(frozen=True)
class Portal:
    """Where it answers, and where its measurements lie."""

    origin: str
    database_url: str
    seeded: datetime


def _build(url: str) -> None:
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        seed(connection, days=30, live=600)
        catch_up(connection)  # as the worker does
        connection.execute(
            "INSERT INTO challenge (installation_id, file_sha256, seed, result)"
            " SELECT installation_id, %s, 1, %s::jsonb FROM installation WHERE slug = 'pilote-uf'",
            ("5" * 64, (Path(__file__).parent / "challenge.json").read_text(encoding="utf-8")),
        )
        connection.execute(
            "INSERT INTO account (login, password_hash, role) VALUES ('evaluation', %s, 'evaluator')",
            (hash_password(PASSWORD),),
        )


@contextmanager
def portal(server: Server, folder: Path) -> Iterator[Portal]:
    """Serve a seeded clone until the end of the block."""
    with clone(server, template(server, "portal", _build)) as url, serve(url, folder) as origin:
        yield Portal(origin, url, datetime.now(UTC))


@contextmanager
def serve(url: str, folder: Path) -> Iterator[str]:
    """Serve the application over a database; give its origin."""
    settings = Settings(database_url=url, data_dir=folder, secret_key_file=folder / "secret")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        running = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started and thread.is_alive():
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()
