"""Several collectors share the nodes: each node is the business of one of those that are alive.

Sharing by message, as a shared subscription does, would tear a node's sequence and its aliases apart. Here every
collector hears every message and passes over the nodes of the others; who ends or falls silent is replaced within
seconds; its nodes are read by the births that it kept. For a moment two may hold a node: what both write is written
once.
"""

from __future__ import annotations

import hashlib
import socket
import uuid

import psycopg

from vitrine.logs import logger
from vitrine_collector.rebirths import Node
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/members.sql")
_log = logger("collector")
#: Between two signs of life, and the silence after which a collector is taken for dead.
BEAT_S, SILENCE_S = 2.0, 7.0
#: Nodes of which it is remembered whose they are: anybody may name new ones.
_REMEMBERED = 100_000


class Members:
    """Who is alive, as the database tells; until it has been asked, this collector is alone."""

    def __init__(self, me: uuid.UUID | None = None) -> None:
        self.me = me or uuid.uuid4()
        self.alive: tuple[uuid.UUID, ...] = (self.me,)
        #: Who is alive, and of each node whether it is this collector's then; both in one, as several threads ask.
        self._known: tuple[tuple[uuid.UUID, ...], dict[Node, bool]] = self.alive, {}

    def beat(self, connection: psycopg.Connection) -> None:
        """Give a sign of life and learn who else is alive."""
        with connection.transaction():
            connection.execute(_SQL["beat"], {"id": self.me, "host": socket.gethostname()})
            connection.execute(_SQL["bury"])
            rows = connection.execute(_SQL["alive"], {"silence_s": SILENCE_S}).fetchall()
        alive = tuple(row[0] for row in rows)
        if alive != self.alive:
            _log.info("collectors at work", alive=len(alive))
            self.alive = alive

    def leave(self, connection: psycopg.Connection) -> None:
        """Leave the nodes to the others."""
        connection.execute(_SQL["leave"], {"id": self.me})

    def mine(self, node: Node) -> bool:
        """Tell whether a node is this collector's business."""
        alive = self.alive
        if len(alive) == 1:
            return True
        among, known = self._known
        if alive is not among or len(known) >= _REMEMBERED:
            known = {}
            self._known = alive, known
        mine = known.get(node)
        if mine is None:
            mine = known[node] = responsible(alive, node) == self.me
        return mine


def responsible(alive: tuple[uuid.UUID, ...], node: Node) -> uuid.UUID:
    """Return who has a node: when one comes or goes, only its own nodes move (rendezvous hashing)."""
    name = "/".join(node).encode()
    return max(alive, key=lambda one: hashlib.blake2b(one.bytes + name, digest_size=8).digest())


def online(connection: psycopg.Connection) -> dict[Node, int]:
    """Return the nodes that are said to be there, with their numbers."""
    return {(slug, node): gateway for slug, node, gateway in connection.execute(_SQL["online"]).fetchall()}


def doubt(connection: psycopg.Connection, gateways: list[int]) -> None:
    """Note that nothing is known of some nodes, since they were not heard."""
    connection.execute(_SQL["offline"], {"gateways": gateways})
