"""Mosquitto, Debian's, on a loopback port."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .model import Unavailable
from .network import Network
from .process import ServerProcess, free_port

#: What it logs unless told, and each subscription: one line of client, quality of service and topic filter.
LOGGED = ("error", "warning", "notice", "information", "subscribe")


class Mosquitto(ServerProcess):
    """Mosquitto, which tells what was subscribed to: what is published before reaches nobody."""

    def subscribed(self, topic: str) -> bool:
        """Whether a client has subscribed to a topic filter, since the broker's first start."""
        return any(line.endswith(f" {topic}") for line in self.log.read_text().splitlines())


@contextmanager
def mosquitto(
    folder: Path, settings: Sequence[str] = ("allow_anonymous true",), network: Network | None = None
) -> Iterator[Mosquitto]:
    """Run Mosquitto, all in memory, with further lines of its configuration; all MQTT versions on one port.

    With a network it runs at its far end.
    """
    # Debian puts it in /usr/sbin, which is not on an ordinary user's path.
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise Unavailable("Mosquitto is not installed", "apt-get install mosquitto")
    port = free_port()
    configuration = folder / "mosquitto.conf"
    place = "0.0.0.0" if network else "127.0.0.1"  # a namespace of the test's own
    lines = [f"listener {port} {place}", "persistence false", *(f"log_type {kind}" for kind in LOGGED), *settings]
    if os.geteuid() == 0:
        lines.append("user root")  # else it could not read the files of the test
    configuration.write_text("\n".join(lines) + "\n")
    command = [program, "-c", str(configuration)]
    process = Mosquitto(
        network.command(command) if network else command,
        [port],
        folder / "mosquitto.log",
        network.side if network else "127.0.0.1",
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()
