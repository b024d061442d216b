"""Reading ``[gateway]`` of an installation file."""

from __future__ import annotations

import re

from vitrine.installation import Gateway, Queue, Uplink
from vitrine.table_reader import TableReader

_NODE = re.compile(r"[^+/#\s]+")


def read_gateway(root: TableReader) -> Gateway | None:
    """Read the gateway; None where there is none."""
    table = root.table("gateway", required=True)
    if table is None:
        return None
    node = table.text("node", required=True)
    if node and not _NODE.fullmatch(node):
        table.note("not-a-node", "node", f"“{node}” cannot be an MQTT topic level", "no space, +, / or #")
    uplink = table.table("uplink", required=True)
    queue = table.table("queue")
    gateway = Gateway(
        node=node,
        uplink=_read_uplink(uplink) if uplink else Uplink(host="", port=0),
        queue=_read_queue(queue) if queue else Queue(),
    )
    table.finish()
    return gateway


def _read_uplink(table: TableReader) -> Uplink:
    uplink = Uplink(
        host=table.text("host", required=True),
        port=table.integer("port", low=1, high=65535, default=8883),
        ca=table.text("ca"),
        certificate=table.text("certificate"),
        key=table.text("key"),
        username=table.text("username"),
        password_file=table.text("password_file"),
    )
    if uplink.key and not uplink.certificate:
        table.note(
            "missing-key", "certificate", "a private key is named without its certificate", "name both, or neither"
        )
    if uplink.username and not uplink.password_file:
        table.note(
            "missing-key",
            "password_file",
            "a user name is given without a password file",
            "path of a file that holds the password",
        )
    table.finish()
    return uplink


def _read_queue(table: TableReader) -> Queue:
    queue = Queue(
        max_bytes=table.integer("max_bytes", low=1_000_000, default=2_000_000_000),
        flush_s=table.duration("flush", default=1.0),
    )
    table.finish()
    return queue
