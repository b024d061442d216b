"""Numbered samples on their whole way while gateways, collectors, broker and database are killed and cables pulled out.

All processes are real: simulated instruments, gateways, Mosquitto, collectors, PostgreSQL. What breaks when, and for how
long, follows from a seed; how the processes then meet does not. At the end, what the instruments say they gave is held
against what the database holds and says is missing.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.acceptance.way import INSTALLATION, PROFILE, until
from tests.servers.cable import Cable
from tests.servers.mosquitto import mosquitto
from tests.servers.process import ServerProcess, free_port
from vitrine.installation_file import load
from vitrine_collector import catalogue
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate
from vitrine_demo.processes import Child, last_line, stop, vitrine

#: Mosquitto drops QoS 0 messages that wait behind 1,000 others; a platform's broker is told not to.
BROKER = ("allow_anonymous true", "max_queued_messages 0")


class Breakable(Protocol):
    """Something that can be broken and mended."""

    def break_down(self, chance: random.Random) -> str:
        """Break; return how."""

    def mend(self) -> None:
        """Mend."""


@dataclass
class Process:
    """A process of ours, killed as a power cut would end it."""

    child: Child

    def break_down(self, chance: random.Random) -> str:
        assert self.child.running, f"{self.child.name} had ended by itself: {last_line(self.child.log)}"
        self.child.signal(signal.SIGKILL)
        assert self.child.process is not None
        self.child.process.wait()
        return "killed"

    def mend(self) -> None:
        self.child.start()


@dataclass
class Server:
    """The broker, which keeps nothing on disk: all that it held is gone."""

    process: ServerProcess

    def break_down(self, chance: random.Random) -> str:
        self.process.kill()
        return "killed"

    def mend(self) -> None:
        self.process.start()


@dataclass
class Database:
    """PostgreSQL: the whole server killed, or the processes that serve its clients."""

    server: EmbeddedServer

    def break_down(self, chance: random.Random) -> str:
        if chance.random() < 0.3:
            with connect(self.server.url) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
            return "sessions ended"
        pid = int((self.server.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        return "killed"

    def mend(self) -> None:
        self.server.start()


@dataclass
class Network:
    """One cable."""

    cable: Cable

    def break_down(self, chance: random.Random) -> str:
        if chance.random() < 0.5:
            self.cable.cut()
            return "cut"
        self.cable.die()
        return "dead"

    def mend(self) -> None:
        self.cable.mend()


@dataclass(frozen=True)
class Fault:
    """What was broken, how, and from when to when (seconds since 1970)."""

    name: str
    how: str
    begin: float
    end: float


@dataclass
class Chaos:
    """The whole platform in a folder, and what is done to it."""

    folder: Path
    database: EmbeddedServer
    broker: ServerProcess
    seed: int
    gateways: int = 2
    collectors: int = 2
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._parts: dict[str, Breakable] = {}
        self._broken: dict[str, tuple[str, float, float]] = {}
        self._cables: list[Cable] = []
        (self.folder / "numbered.toml").write_text(PROFILE)
        self.sites = [f"numeros-{number}" for number in range(1, self.gateways + 1)]
        self._simulators, self._nodes = [], []
        for site in self.sites:
            self._write_site(site)
            plant = ("--plant", "counting", "--log", str(self.served_log(site)))
            self._simulators.append(self._child(f"simulator-{site}", {}, "simulate", self._file(site), *plant))
            run = ("gateway", "run", self._file(site), "--data-dir", str(self.folder / f"queue-{site}"))
            self._nodes.append(self._child(f"gateway-{site}", {}, *run))
        self._writers = [self._collector(number) for number in range(1, self.collectors + 1)]
        for child in (*self._nodes, *self._writers):
            self._parts[child.name] = Process(child)
        self._parts["broker"] = Server(self.broker)
        self._parts["database"] = Database(self.database)

    def served_log(self, site: str) -> Path:
        """Return the file in which a site's instruments note the numbers they gave."""
        return self.folder / f"served-{site}.log"

    def start(self) -> None:
        """Start everything."""
        migrate(self.database.url)
        with connect(self.database.url) as connection:
            for site in self.sites:
                catalogue.apply(connection, load(Path(self._file(site))))
        for child in (*self._simulators, *self._writers, *self._nodes):
            child.start()
        until(lambda: all(self.served_log(site).exists() for site in self.sites), 60, "the gateways read")

    def rage(self, seconds: float, tell: Callable[[str], None] = lambda _: None) -> None:
        """Break and mend for a time; everything is whole at the end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._mend_due(time.monotonic())
            whole = [name for name in self._parts if name not in self._broken]
            # Two or three things may be broken at once, as in a thunderstorm
            if whole and len(self._broken) < 3:
                self._break(self._chance.choice(whole), tell)
            time.sleep(self._chance.uniform(0.1, 2.5))
        self._mend_due(float("inf"))

    def silence(self) -> None:
        """Stop the instruments, so that the numbers given are all there will ever be."""
        stop(self._simulators)

    def end(self) -> None:
        """Stop everything."""
        stop([*self._simulators, *self._nodes])
        stop(self._writers)
        for cable in self._cables:
            cable.close()

    def kills(self, site: str) -> list[float]:
        """Return when the gateway of a site was killed."""
        return [fault.begin for fault in self.faults if fault.name == f"gateway-{site}"]

    def _break(self, name: str, tell: Callable[[str], None]) -> None:
        down = self._chance.choice((0.0, 0.5, 2.0, 6.0)) * self._chance.uniform(0.5, 1.5)
        how = self._parts[name].break_down(self._chance)
        self._broken[name] = (how, time.time(), time.monotonic() + down)
        tell(f"{name} {how}, for {down:.1f} s")

    def _mend_due(self, now: float) -> None:
        # The database first and in the order of breaking: what starts may need what broke before it
        for name, (how, begin, due) in list(self._broken.items()):
            if due <= now:
                self._parts[name].mend()
                self.faults.append(Fault(name, how, begin, time.time()))
                del self._broken[name]

    def _write_site(self, site: str) -> None:
        cable = self._cable(f"cable-{site}")
        text = INSTALLATION.format(broker=cable.port, modbus=free_port())
        text = text.replace('slug = "numeros"', f'slug = "{site}"').replace("pi-numeros", f"pi-{site}")
        Path(self._file(site)).write_text(text)

    def _file(self, site: str) -> str:
        return str(self.folder / f"{site}.toml")

    def _collector(self, number: int) -> Child:
        cable = self._cable(f"cable-collector-{number}")
        return self._child(f"collector-{number}", {"VITRINE_BROKER_PORT": str(cable.port)}, "collector", "run")

    def _cable(self, name: str) -> Cable:
        cable = Cable(self.broker.port)
        self._cables.append(cable)
        self._parts[name] = Network(cable)
        return cable

    def _child(self, name: str, environment: dict[str, str], *arguments: str) -> Child:
        shared = {
            "VITRINE_DATABASE_URL": self.database.url,
            "DATABASE_URL": self.database.url,
            "VITRINE_DATA_DIR": str(self.folder / "platform"),
            "VITRINE_BROKER_HOST": "127.0.0.1",
        }
        return Child(name, vitrine(*arguments), self.folder / f"{name}.log", shared | environment)


@contextmanager
def chaos(folder: Path, seed: int, *, gateways: int = 2, collectors: int = 2) -> Iterator[Chaos]:
    """Run a platform of its own in a folder, whole at first."""
    with ExitStack() as stack:
        broker = stack.enter_context(mosquitto(folder, BROKER))
        database = stack.enter_context(EmbeddedServer(folder / "database"))
        made = Chaos(folder, database, broker, seed, gateways, collectors)
        stack.callback(made.end)
        made.start()
        yield made
