"""Runs the application in uvicorn, and ends it in good order."""

from __future__ import annotations

import asyncio
import errno
import socket
from types import FrameType

import uvicorn
from rich.console import Console

from vitrine.command import language
from vitrine.errors import ConfigurationError
from vitrine.i18n import translate
from vitrine.settings import Settings
from vitrine_api.app import create_app
from vitrine_api.live import LiveValues

#: Seconds that open transfers have to end.
GRACE_S = 2


class Server(uvicorn.Server):
    """Ends the streams of live values at the signal, instead of waiting for them to end by themselves."""

    def __init__(self, config: uvicorn.Config, live: LiveValues) -> None:
        super().__init__(config)
        self._live = live
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop, for the signal."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; called in the middle of whatever the loop does."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._live.stop)
        super().handle_exit(sig, frame)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal; ConfigurationError where the port cannot be had."""
    app = create_app(settings)
    with listen(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
            proxy_headers=True,
        )
        server = Server(config, app.state.live)
        address, used = listener.getsockname()[:2]
        url = f"http://{f'[{address}]' if ':' in address else address}:{used}"
        Console(highlight=False, soft_wrap=True).print(translate("vitrine_api", language(), "api.run.ready", url=url))
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; ConfigurationError says why there is none."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(
            f"the address “{host}” is not known: {error.strerror}", hint="Name another --host."
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"the port {port} of {host} is already in use",
            hint=f"Name another one: vitrine api run --port {port + 1}, or stop what uses it.",
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(f"this user may not listen on port {port}", hint="Name a port above 1023.")
    return ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}", hint="Name another --host.")
