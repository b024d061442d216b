"""The local page: `/metrics` for Prometheus and `/health.json` for programs, over TCP and a socket in the data folder.

The socket is there without any setting, so that `vitrine gateway status` finds a gateway of this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.logs import logger
from vitrine_gateway.health.exposition import CONTENT_TYPE, exposition
from vitrine_gateway.health.snapshot import Snapshot

_log = logger("gateway")
SOCKET = "health.sock"
#: Seconds and bytes that a request may take.
_PATIENCE, _LARGEST = 5.0, 8192


class Page:
    """Serves the health of a gateway until it is closed."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._servers: list[asyncio.Server] = []

    async def listen(self, host: str, port: int) -> int:
        """Serve on a TCP port and return it; ConfigurationError where it is taken or forbidden."""
        try:
            server = await asyncio.start_server(self._serve, host, port, limit=_LARGEST)
        except OSError as error:
            raise ConfigurationError(
                f"the health page cannot listen on {host}:{port}: {error.strerror or error}",
                hint="Name another port in gateway.health.listen, or leave the key out.",
            ) from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def listen_locally(self, folder: Path) -> bool:
        """Serve on the socket in the data folder; tell whether that was possible."""
        path = folder / SOCKET
        try:
            path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._serve, path, limit=_LARGEST)
            path.chmod(0o660)
        except OSError as error:
            _log.warning("no local health socket", path=str(path), reason=str(error))
            return False
        self._servers.append(server)
        return True

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head.split(b"\r\n", 1)[0].decode("latin-1")))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
            _log.debug("health request ended early", reason=type(error).__name__)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, request: str) -> bytes:
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in ("GET", "HEAD"):
            return _response("405 Method Not Allowed", "text/plain; charset=utf-8", "GET only\n")
        if path == "/metrics":
            return _response("200 OK", CONTENT_TYPE, exposition(self._snapshot()), body=method == "GET")
        if path == "/health.json":
            text = json.dumps(self._snapshot().document(), ensure_ascii=False)
            return _response("200 OK", "application/json", text, body=method == "GET")
        return _response("404 Not Found", "text/plain; charset=utf-8", "/metrics or /health.json\n")


def _response(status: str, kind: str, text: str, *, body: bool = True) -> bytes:
    data = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (data if body else b"")
