"""Asking a gateway of this machine how it is, over the socket in its data folder."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from vitrine.errors import VitrineError
from vitrine_gateway.health.page import SOCKET


def ask(folder: Path, timeout_s: float = 5.0) -> dict[str, Any]:
    """Return the document of `Snapshot.document`; VitrineError where no gateway works in this folder."""
    path = folder / SOCKET
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(timeout_s)
            link.connect(str(path))
            link.sendall(b"GET /health.json HTTP/1.1\r\nHost: gateway\r\n\r\n")
            answer = b"".join(iter(lambda: link.recv(65536), b""))
    except OSError as error:
        raise VitrineError(
            f"no gateway answers at {path}: {error.strerror or error}",
            hint="Is it running, by an account that you may speak to, with this --data-dir?",
        ) from error
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        raise VitrineError(f"the gateway at {path} answers {head[:60]!r}")
    document: dict[str, Any] = json.loads(body)
    return document
