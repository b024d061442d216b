"""Mosquitto, Debian's, on a loopback port."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .model import Unavailable
from .process import ServerProcess, free_port


@contextmanager
def mosquitto(folder: Path, settings: Sequence[str] = ("allow_anonymous true",)) -> Iterator[ServerProcess]:
    """Run Mosquitto, all in memory, with further lines of its configuration; all MQTT versions on one port."""
    # Debian puts it in /usr/sbin, which is not on an ordinary user's path.
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise Unavailable("Mosquitto is not installed", "apt-get install mosquitto")
    port = free_port()
    configuration = folder / "mosquitto.conf"
    lines = [f"listener {port} 127.0.0.1", "persistence false", *settings]
    if os.geteuid() == 0:
        lines.append("user root")  # else it could not read the files of the test
    configuration.write_text("\n".join(lines) + "\n")
    process = ServerProcess([program, "-c", str(configuration)], [port], folder / "mosquitto.log")
    process.start()
    try:
        yield process
    finally:
        process.stop()
