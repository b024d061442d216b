"""Letting the operating system notice a peer that is gone without a word: a cable out, a router that drops."""

from __future__ import annotations

import socket

#: Keep-alive: seconds of silence, seconds between probes, probes; an idle connection to nobody is known after 25 s.
_KEEPALIVE = (10, 5, 3)


def watch(endpoint: socket.socket | None, unacknowledged_s: float) -> None:
    """End a connection whose data nobody acknowledges for so many seconds (RFC 5482); nothing but TCP is touched."""
    if endpoint is None or endpoint.type != socket.SOCK_STREAM or endpoint.family == getattr(socket, "AF_UNIX", None):
        return
    idle, interval, count = _KEEPALIVE
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", idle),
        ("TCP_KEEPINTVL", interval),
        ("TCP_KEEPCNT", count),
        ("TCP_USER_TIMEOUT", round(1000 * unacknowledged_s)),
    ):
        if (option := getattr(socket, name, None)) is not None:  # each system has its own of them
            endpoint.setsockopt(socket.IPPROTO_TCP, option, value)
