"""Ports of the demo: the portal's is asked for, the others follow it."""

from __future__ import annotations

import socket

from vitrine.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether one can listen on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Ports:
    """Hands out the ports above the portal's, leaving out those in use."""

    def __init__(self, portal: int) -> None:
        self.portal = portal
        self._next = portal + 1
        #: Ports that were in use and were passed over.
        self.taken: list[int] = []

    def check_portal(self) -> None:
        """Refuse to start where the portal's port is taken."""
        if not is_free(self.portal):
            raise ConfigurationError(
                f"the port {self.portal} of the portal is in use",
                hint=f"Stop what listens there, or name another one: vitrine demo --port {self.portal + 100}",
            )

    def take(self) -> int:
        """Return the next free port."""
        while self._next <= 65535:
            port, self._next = self._next, self._next + 1
            if is_free(port):
                return port
            self.taken.append(port)
        raise ConfigurationError(
            f"no port above {self.portal} is free", hint="Name a lower one: vitrine demo --port 8400"
        )
