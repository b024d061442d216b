"""An MQTT client that takes from the network what is there at once, and not a few bytes at a time.

paho reads each packet in four small pieces. Each of them is a system call, and each gives the interpreter's lock away
to whichever thread computes; the socket of this client hands out the pieces from memory. Where somebody listens,
messages of QoS 0 take a shorter way: the socket gives them to the listener as they are read, many at a time, and paho
sees the other packets only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client

from vitrine_collector.packets import Heard, Packets

_AT_ONCE = 65_536
Listener = Callable[[list[Heard]], None]


class BufferedClient(Client):
    """A client whose socket reads ahead."""

    #: Told of messages of QoS 0; None: they come one by one by `on_message`, as all others do.
    listener: Listener | None = None

    def _create_socket(self) -> Any:  # noqa: ANN401 - as paho has it
        return BufferedSocket(super()._create_socket(), self.listener)


class BufferedSocket:
    """A socket that holds what was read ahead; all but reading is the socket's own."""

    def __init__(self, socket: Any, listener: Listener | None = None) -> None:  # noqa: ANN401 - plain or encrypted
        self._socket, self._held, self._at = socket, b"", 0
        self._listener, self._packets = listener, Packets()

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes, as a socket does; BlockingIOError where there are none for this reader."""
        if self._at >= len(self._held):
            self._held, self._at = self._read_ahead(size), 0
        start = self._at
        self._at += size
        return self._held[start : self._at]

    def pending(self) -> int:
        """Count the bytes that can be had without waiting, of which the operating system knows nothing."""
        held = max(0, len(self._held) - self._at)
        return held or (self._socket.pending() if hasattr(self._socket, "pending") else 0)

    def _read_ahead(self, size: int) -> bytes:
        data: bytes = self._socket.recv(max(size, _AT_ONCE))
        if self._listener is None or not data:
            return data
        messages, others = self._packets.take(data)
        if messages:
            self._listener(messages)
        if not others:
            raise BlockingIOError
        return others

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._socket, name)
