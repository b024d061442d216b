"""The demo as a whole: what is started in which order, watched, and stopped in order."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread

import psycopg

from vitrine.errors import ConfigurationError, VitrineError
from vitrine.installation import Installation
from vitrine_api.passwords import hash_password
from vitrine_api.statements import ACCOUNTS
from vitrine_collector import catalogue
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate
from vitrine_demo import broker, installations, probes
from vitrine_demo.folder import Folder
from vitrine_demo.history import DAYS, History
from vitrine_demo.ports import LOOPBACK, Ports
from vitrine_demo.processes import Child, stop, vitrine
from vitrine_demo.terminal import Terminal

LOGIN = "demo"
SEED = 1
#: Transports whose instruments accept a connection, which shows that they are there.
_LISTENING = ("tcp", "tls", "rtu_over_tcp", "ascii_over_tcp")
_PORTAL_PATIENCE_S = 30.0
_PATIENCE_S = 10.0
#: Every model has to come from its commissioning to the present.
_MODELS_PATIENCE_S = 60.0


class Demonstration:
    """Everything on this machine, until it is asked to stop."""

    def __init__(self, folder: Folder, ports: Ports, terminal: Terminal, everything: bool = False) -> None:
        self._folder, self._ports, self._terminal = folder, ports, terminal
        #: Whether every example is started, or only those that are always there.
        self._everything = everything
        self._stop = Event()
        self._database: EmbeddedServer | None = None
        self._url = ""
        self._broker: tuple[str, int] | None = None
        self._installations: list[Installation] = []
        self._history: Thread | None = None
        #: In the order of stopping.
        self._children: dict[str, list[Child]] = {
            part: [] for part in ("simulators", "gateways", "collector", "worker", "portal", "broker")
        }

    def run(self) -> None:
        """Start, watch, stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            for step in (self._start_broker, self._start_database, self._start_portal, self._start_field, self._tell):
                if not self._stop.is_set():
                    step()
            self._fill_history()
            while not self._stop.wait(0.5):
                for children in self._children.values():
                    for child in children:
                        child.watch(self._terminal)
                self._note()
        finally:
            self._end()

    # --- starting ----------------------------------------------------------------------------------------------------

    def _start_broker(self) -> None:
        host = os.environ.get("VITRINE_BROKER_HOST")
        if host:
            self._broker = (host, int(os.environ.get("VITRINE_BROKER_PORT", "1883")))
        elif broker.is_installed():
            self._broker = (LOOPBACK, self._ports.take())
            command = broker.command(self._folder.path / "broker.toml", self._broker[1])
            self._add("broker", "broker", command)
        else:
            self._terminal.missing("absent.broker")
        # The files name the broker's port even where there is none: gateways wait for it
        address = self._broker or (LOOPBACK, self._ports.take())
        self._installations = installations.copy(self._folder.installations, self._ports, address, self._everything)

    def _start_database(self) -> None:
        given = os.environ.get("VITRINE_DATABASE_URL") or os.environ.get("DATABASE_URL", "")
        try:
            if not given:
                self._database = EmbeddedServer(self._folder.database)
                given = self._database.start()
            state = migrate(given)
        except ConfigurationError as error:
            self._terminal.missing("absent.database", reason=error.message, hint=error.hint)
            return
        self._url = given
        self._terminal.done("part.database", edition=state.edition)
        with connect(self._url) as connection:
            for installation in self._installations:
                catalogue.apply(connection, installation)
            self._keep_account(connection)
        self._terminal.done("part.schema", installations=len(self._installations))

    def _keep_account(self, connection: psycopg.Connection) -> None:
        words = {"login": LOGIN, "password_hash": hash_password(self._folder.password())}
        made = connection.execute(ACCOUNTS["add"], {**words, "role": "operator", "organisation": ""}).fetchone()
        if made is None:
            connection.execute(ACCOUNTS["set_password"], words)

    def _start_portal(self) -> None:
        if not self._url:
            return
        self._add("portal", "portal", vitrine("api", "run"))
        if probes.serves_pages((LOOPBACK, self._ports.portal), self._stop, _PORTAL_PATIENCE_S):
            self._terminal.done("part.portal")
        else:
            self._terminal.missing("absent.portal", file=self._folder.log("portal"))

    def _start_field(self) -> None:
        files = [installation.path for installation in self._installations]
        self._add("simulators", "simulators", vitrine("simulate", *files, "--seed", str(SEED)))
        if self._url and self._broker:
            self._add("collector", "collector", vitrine("collector", "run"))
        if self._url:
            self._add("worker", "worker", vitrine("worker", "run"))
        self._tell_field()
        for installation in self._installations:
            queue = self._folder.path / "gateways" / installation.slug
            command = vitrine("gateway", "run", installation.path, "--data-dir", str(queue))
            self._add("gateways", f"gateway-{installation.slug}", command)
        self._terminal.done("part.gateways", names=", ".join(one.gateway.node for one in self._installations))

    def _tell_field(self) -> None:
        """Say what the gateways will find: instruments and broker."""
        connections = [device.connection for one in self._installations for device in one.devices]
        meters = {(one.host, one.port) for one in connections if one.transport in _LISTENING}
        patience = _MODELS_PATIENCE_S if self._everything else _PATIENCE_S
        if all(probes.listens(address, self._stop, patience) for address in meters):
            self._terminal.done("part.simulators", count=len(connections))
        else:
            self._terminal.missing("absent.simulators", file=self._folder.log("simulators"))
        if self._broker:
            host, port = self._broker
            if probes.listens(self._broker, self._stop, _PATIENCE_S):
                self._terminal.done("part.broker", host=host, port=port)
            else:
                self._terminal.missing("absent.broker_silent", host=host, port=port)
            if self._url:
                self._terminal.done("part.collector")

    def _tell(self) -> None:
        if self._ports.taken:
            self._terminal.say("start.ports", style="yellow", ports=", ".join(map(str, self._ports.taken)))
        if self._url:
            self._terminal.say("ready.address", style="bold", url=self._address)
            self._terminal.say("ready.account", login=LOGIN, password=self._folder.password())
        self._terminal.say("ready.logs", folder=self._folder.logs)
        self._terminal.say("ready.stop")

    def _fill_history(self) -> None:
        if not (self._url and self._broker) or self._stop.is_set():
            return
        history = History(self._url, self._installations, SEED, self._folder.path / "history.json", self._stop)
        if history.finished:
            return
        self._terminal.say("history.waiting", style="dim")
        self._history = Thread(target=self._run_history, args=(history,), name="history")
        self._history.start()

    def _run_history(self, history: History) -> None:
        try:
            rows = history.fill(lambda share, rows: self._terminal.progress(share, rows))
        except (VitrineError, psycopg.Error) as error:
            self._terminal.missing("absent.history", reason=str(error).strip())
            return
        if history.finished:
            count = {"rows": rows, "seconds": round(history.seconds), "rate": round(rows / max(history.seconds, 0.001))}
            numbers = {name: self._terminal.number(value) for name, value in count.items()}
            self._terminal.say("history.done", days=DAYS, **numbers)

    # --- watching and stopping ---------------------------------------------------------------------------------------

    @property
    def _address(self) -> str:
        return f"http://{LOOPBACK}:{self._ports.portal}/"

    def _add(self, part: str, name: str, command: list[str]) -> None:
        host, port = self._broker or (LOOPBACK, 0)
        environment = {
            "VITRINE_DATA_DIR": str(self._folder.platform),
            "VITRINE_API_HOST": LOOPBACK,
            "VITRINE_API_PORT": str(self._ports.portal),
            "PYTHONUNBUFFERED": "1",
        }
        if self._url:
            environment |= {"VITRINE_DATABASE_URL": self._url, "DATABASE_URL": self._url}
        if self._broker:
            environment |= {"VITRINE_BROKER_HOST": host, "VITRINE_BROKER_PORT": str(port)}
        child = Child(name, command, self._folder.log(name), environment)
        child.start()
        self._children[part].append(child)
        self._note()

    def _note(self) -> None:
        processes = [child.process for children in self._children.values() for child in children]
        self._folder.note_processes([process.pid for process in processes if process])

    def _end(self) -> None:
        self._stop.set()
        self._terminal.say("stop.begin", style="dim")
        if self._history:
            self._history.join()
        for children in self._children.values():
            stop(children)
        self._folder.note_processes([])
        if self._database:
            self._database.stop()
        self._terminal.say("stop.done", folder=self._folder.path)
