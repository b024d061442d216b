"""Reading ``[gateway]`` of an installation file."""

from __future__ import annotations

import re

from vitrine.installation import Gateway, Queue, Uplink
from vitrine.installation_health import read_health
from vitrine.installation_proxy import read_proxy
from vitrine.installation_uplink import read_uplink
from vitrine.table_reader import TableReader

#: The loss window at a power cut that is promised.
_LONGEST_FLUSH_S = 5.0
_DEFAULT = Queue()
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
    proxy = table.table("proxy")
    health = table.table("health")
    gateway = Gateway(
        node=node,
        uplink=read_uplink(uplink) if uplink else Uplink(host="", port=0),
        queue=_read_queue(queue) if queue else Queue(),
        proxy=read_proxy(proxy) if proxy else None,
        health=read_health(health) if health else None,
    )
    table.finish()
    return gateway


def _read_queue(table: TableReader) -> Queue:
    queue = Queue(
        max_bytes=table.integer("max_bytes", low=1_000_000, default=_DEFAULT.max_bytes),
        max_age_s=table.duration("max_age", default=_DEFAULT.max_age_s),
        keep_free=table.integer("keep_free", low=0, default=_DEFAULT.keep_free),
        flush_s=table.duration("flush", default=_DEFAULT.flush_s),
    )
    if queue.flush_s > _LONGEST_FLUSH_S:
        table.note(
            "out-of-range", "flush", f"a power cut could take {queue.flush_s:g} s of measurements", "at most 5 s"
        )
    table.finish()
    return queue
