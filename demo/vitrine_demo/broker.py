"""The embedded MQTT broker: rumqttd from the iotcore wheel, on loopback only."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from vitrine_demo.ports import LOOPBACK

#: Largest payload: a birth certificate of a large gateway is far below it.
_MAX_PAYLOAD = 4 * 1024 * 1024

_LISTENER = """
[{table}]
name = "{name}"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[{table}.connections]
connection_timeout_ms = 60000
max_payload_size = {payload}
max_inflight_count = 500
dynamic_filters = true
"""

_ROUTER = """id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 2000
max_segment_size = 104857600
max_segment_count = 10
"""


def is_installed() -> bool:
    """Tell whether the wheel is there."""
    return find_spec("iotcore") is not None


def configuration(port: int) -> str:
    """Return rumqttd's configuration."""
    listener = _LISTENER.format(table="v4.1", name="v4-1", host=LOOPBACK, port=port, payload=_MAX_PAYLOAD)
    return _ROUTER + listener


def command(file: Path, port: int) -> list[str]:
    """Write the configuration and return the broker's command line."""
    file.write_text(configuration(port), encoding="utf-8")
    return [sys.executable, "-P", "-m", "iotcore", "--log-level", "critical", "--config", str(file)]
