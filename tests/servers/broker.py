"""The rumqttd broker of the iotcore wheel, for tests that kill it; not the product's embedded broker."""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .model import Unavailable
from .process import ServerProcess, free_port

HEAD = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
"""
LISTENER = """
[{version}.1]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = 4194304
max_inflight_count = 100
dynamic_filters = true
"""


class Rumqttd(ServerProcess):
    """A broker with one port for each version of MQTT."""

    @property
    def port_v5(self) -> int:
        """The port for MQTT 5; `port` is for MQTT 3.1.1."""
        return self.ports[1]


@contextmanager
def rumqttd(folder: Path) -> Iterator[Rumqttd]:
    """Run rumqttd, all in memory, anonymous, with payloads of up to 4 MB."""
    if importlib.util.find_spec("iotcore") is None:
        raise Unavailable("rumqttd: the wheel iotcore is not installed", "pip install iotcore")
    ports = {"v4": free_port(), "v5": free_port()}
    configuration = folder / "rumqttd.toml"
    listeners = [LISTENER.format(version=version, port=port) for version, port in ports.items()]
    configuration.write_text(HEAD + "".join(listeners))
    command = [sys.executable, "-m", "iotcore", "--config", str(configuration), "--log-level", "WARNING"]
    process = Rumqttd(command, list(ports.values()), folder / "rumqttd.log")
    process.start()
    try:
        yield process
    finally:
        process.stop()
