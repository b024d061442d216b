"""Waiting until something answers, or until the demo is to stop."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from threading import Event


def listens(address: tuple[str, int], stop: Event, patience_s: float) -> bool:
    """Wait until somebody listens at an address; False where nobody does in time."""

    def connect() -> None:
        socket.create_connection(address, timeout=1.0).close()

    return _succeeds(connect, stop, patience_s)


def serves_pages(address: tuple[str, int], stop: Event, patience_s: float) -> bool:
    """Wait until a web server answers, whatever it answers; False where none does in time."""

    def ask() -> None:
        connection = http.client.HTTPConnection(*address, timeout=5.0)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        finally:
            connection.close()

    return _succeeds(ask, stop, patience_s)


def _succeeds(attempt: Callable[[], None], stop: Event, patience_s: float) -> bool:
    end = time.monotonic() + patience_s
    while time.monotonic() < end and not stop.is_set():
        try:
            attempt()
        except (OSError, http.client.HTTPException):
            stop.wait(0.1)
        else:
            return True
    return False
