"""The whole way with real processes on free ports: simulator, broker, gateway, database, collector, worker, API."""

from __future__ import annotations

import http.client
import json
import signal
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.servers.broker import Rumqttd
from tests.servers.process import free_port
from vitrine.installation_file import load
from vitrine_api.passwords import hash_password
from vitrine_collector import catalogue
from vitrine_database.connection import connect
from vitrine_database.migration import migrate
from vitrine_demo.processes import Child, last_line, stop, vitrine

PROFILE = """
manufacturer = "*"
model = "counter"
name = { fr = "Compteur d’essai", en = "Test counter" }
protocol = "modbus"

[[source]]
document = "Numbered samples of the acceptance test"
evidence = "convention"

[modbus]
order = "ABCD"

[[channel]]
key = "wide"
name = { fr = "Numéros à virgule", en = "Floating numbers" }
unit = "1"
quantity = "number"
decimals = 0
table = "holding"
address = 0
type = "float64"

[[channel]]
key = "whole"
name = { fr = "Numéros entiers", en = "Whole numbers" }
unit = "1"
quantity = "number"
decimals = 0
table = "holding"
address = 4
type = "uint32"
order = "CDAB"
"""
INSTALLATION = """
[installation]
slug = "numeros"
kind = "test_bench"
domain = "water"
name = {{ fr = "Échantillons numérotés", en = "Numbered samples" }}
organisation = "essais"
simulated = true

[gateway]
node = "pi-numeros"
uplink = {{ host = "127.0.0.1", port = {broker} }}

[[device]]
key = "fast"
profile = "numbered.toml"
connection = {{ transport = "tcp", host = "127.0.0.1", port = {modbus}, unit = 1 }}
every = "200 ms"

[[device]]
key = "slow"
profile = "numbered.toml"
connection = {{ transport = "tcp", host = "127.0.0.1", port = {modbus}, unit = 2 }}
every = "1 s"

[[indicator]]
key = "numero-moyen"
name = {{ fr = "Numéro moyen", en = "Mean number" }}
formula = "mean(number)"
unit = "1"
inputs = {{ number = "slow/whole" }}
"""
LOGIN, PASSWORD = "evaluator", "only for this test"


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something that must happen; how long it took is not judged."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in {seconds:g} s: {what}"
        time.sleep(0.2)


class Way:
    """Everything between a register and a downloaded file."""

    def __init__(self, folder: Path, url: str, broker: Rumqttd) -> None:
        self.folder, self.url, self.broker = folder, url, broker
        self.port = free_port()
        self.served = folder / "served.log"
        (folder / "numbered.toml").write_text(PROFILE)
        self.file = folder / "installation.toml"
        self.file.write_text(INSTALLATION.format(broker=broker.port, modbus=free_port()))
        self.environment = {
            "VITRINE_DATABASE_URL": url,
            "DATABASE_URL": url,
            "VITRINE_DATA_DIR": str(folder / "platform"),
            "VITRINE_BROKER_HOST": "127.0.0.1",
            "VITRINE_BROKER_PORT": str(broker.port),
            "VITRINE_API_PORT": str(self.port),
        }
        counting = ("--plant", "counting", "--log", str(self.served))
        self.simulator = self._child("simulator", "simulate", str(self.file), *counting)
        self.gateway = self._child("gateway", "gateway", "run", str(self.file), "--data-dir", str(folder / "queue"))
        self.collector = self._child("collector", "collector", "run")
        self.worker = self._child("worker", "worker", "run")
        self.api = self._child("api", "api", "run")
        self.children = [self.simulator, self.gateway, self.collector, self.worker, self.api]

    def start(self) -> None:
        """Start it all."""
        migrate(self.url)
        with connect(self.url) as connection:
            catalogue.apply(connection, load(self.file))
            connection.execute(
                "INSERT INTO account (login, password_hash, role) VALUES (%s, %s, 'operator')",
                [LOGIN, hash_password(PASSWORD)],
            )
        for child in self.children:
            child.start()

    def end(self) -> None:
        """Stop it all, in order."""
        for child in self.children:
            stop([child])

    def kill(self, child: Child) -> None:
        """End one process as a power cut would."""
        assert child.running, f"{child.name} had ended by itself: {last_line(child.log)}"
        child.signal(signal.SIGKILL)
        assert child.process is not None
        child.process.wait()

    def numbers(self) -> dict[str, list[int]]:
        """Return the numbers in the database, of each channel, in the order of their times."""
        statement = (
            "SELECT path, array_agg(value::bigint ORDER BY time) FROM measurement JOIN channel USING (channel_id)"
            " WHERE value IS NOT NULL GROUP BY path"
        )
        with psycopg.connect(self.url) as connection:
            return dict(connection.execute(statement).fetchall())

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> tuple[int, bytes]:
        """Ask the API as the evaluator; return status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        words = b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {words}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _child(self, name: str, *arguments: str) -> Child:
        return Child(name, vitrine(*arguments), self.folder / f"{name}.log", self.environment)
