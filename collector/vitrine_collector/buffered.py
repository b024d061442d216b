"""An MQTT client that takes from the network what is there at once, and not a few bytes at a time.

paho reads each packet in four small pieces. Each of them is a system call, and each gives the interpreter's lock away
to whichever thread computes; the socket of this client hands out the pieces from memory.
"""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import Client

_AT_ONCE = 65_536


class BufferedClient(Client):
    """A client whose socket reads ahead."""

    def _create_socket(self) -> Any:  # noqa: ANN401 - as paho has it
        return BufferedSocket(super()._create_socket())


class BufferedSocket:
    """A socket that holds what was read ahead; all but reading is the socket's own."""

    def __init__(self, socket: Any) -> None:  # noqa: ANN401 - plain or encrypted
        self._socket, self._held, self._at = socket, b"", 0

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, as a socket does."""
        if self._at >= len(self._held):
            self._held, self._at = self._socket.recv(max(size, _AT_ONCE)), 0
        start = self._at
        self._at += size
        return self._held[start : self._at]

    def pending(self) -> int:
        """Count the bytes that can be had without waiting, of which the operating system knows nothing."""
        held = max(0, len(self._held) - self._at)
        return held or (self._socket.pending() if hasattr(self._socket, "pending") else 0)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._socket, name)
