"""The bytes of one MQTT client, moved by the event loop: no thread of its own, which would cost more than its work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from typing import cast

import paho.mqtt.client as paho

_FAREWELL = 1.0
_STEP = 0.01


class Link:
    """Reads and writes for a client whose connection stands, until that ends."""

    def __init__(self, client: paho.Client) -> None:
        """Take over a client that is connected and whose own loop does not run."""
        self._client, self._loop = client, asyncio.get_running_loop()
        self._socket = cast("socket.socket | None", client.socket())
        self._waits = False
        if self._socket is None:
            return
        client.on_socket_register_write = lambda *_: self._send_soon()
        client.on_socket_close = lambda *_: self._detach()
        self._loop.add_reader(self._socket, self._read)
        self._write()

    def tend(self) -> None:
        """Keep the connection alive; to be called at least every second."""
        self._client.loop_misc()

    async def close(self) -> None:
        """Let the last bytes leave, for a moment, and close."""
        until = self._loop.time() + _FAREWELL
        spare = _duplicate(self._socket)
        while self._client.want_write() and self._client.socket() and self._loop.time() < until:
            self._write()
            await asyncio.sleep(_STEP)
        self._detach()
        if left := self._client.socket():
            left.close()
        if spare:
            await self._drain(spare, until)

    async def _drain(self, link: socket.socket, until: float) -> None:
        """Read what still arrives until the broker closes: else the system resets the connection, farewell and all."""
        with link, contextlib.suppress(OSError):
            link.setblocking(False)
            link.shutdown(socket.SHUT_WR)
            while self._loop.time() < until:
                try:
                    if not link.recv(1 << 16):
                        return
                except BlockingIOError:
                    await asyncio.sleep(_STEP)

    def _send_soon(self) -> None:
        self._loop.call_soon(self._write)

    def _read(self) -> None:
        while self._client.loop_read() == paho.MQTT_ERR_SUCCESS and _holds_more(self._socket):
            pass

    def _write(self) -> None:
        """Send all that waits, as far as the connection takes it; the rest when it takes more."""
        if self._socket is None:
            return
        _cork(self._socket, on=True)
        self._client.loop_write()
        if self._socket is None:  # the connection ended with it
            return
        _cork(self._socket, on=False)
        waits = self._client.want_write()
        if waits and not self._waits:
            self._loop.add_writer(self._socket, self._write)
        elif self._waits and not waits:
            self._loop.remove_writer(self._socket)
        self._waits = waits

    def _detach(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket = None


def _duplicate(link: socket.socket | None) -> socket.socket | None:
    """Return a second handle of a connection, which stays when the client closes its own."""
    return socket.socket(fileno=os.dup(link.fileno())) if link and link.fileno() >= 0 else None


def _holds_more(link: socket.socket | None) -> bool:
    """Tell whether TLS holds bytes that the system does not know of any more."""
    return isinstance(link, ssl.SSLSocket) and link.pending() > 0


def _cork(link: socket.socket, *, on: bool) -> None:
    """Let small messages leave in one segment where the system can (Linux, tcp(7))."""
    if hasattr(socket, "TCP_CORK"):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)
