"""Reading ``[gateway.health]`` of an installation file."""

from __future__ import annotations

import re

from vitrine.installation import HealthPage
from vitrine.table_reader import TableReader

_LISTEN = re.compile(r"(?P<host>[^\s:/]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")


def read_health(table: TableReader) -> HealthPage | None:
    """Read where the health page listens."""
    text = table.text("listen", required=True)
    match = _LISTEN.fullmatch(text)
    if text and (match is None or not 1 <= int(match["port"]) <= 65535):
        table.note("not-a-server", "listen", f"“{text}” is not an address with a port", "127.0.0.1:9464, or [::1]:9464")
        match = None
    table.finish()
    return HealthPage(host=match["host"].strip("[]"), port=int(match["port"])) if match else None
