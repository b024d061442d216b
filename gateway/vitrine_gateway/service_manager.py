"""Telling systemd that the gateway is ready, lives, reloads or ends (sd_notify(3)); nothing where nobody listens."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable


class ServiceManager:
    """The socket of the service manager that started this process, if one did."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        #: Seconds between two signs of life; None where none is asked for.
        self.beat_s = int(microseconds) / 2e6 if microseconds.isdigit() and int(microseconds) else None

    def tell(self, *lines: str) -> None:
        """Send ``READY=1``, ``STATUS=…`` and the like."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.sendto("\n".join(lines).encode(), address)

    async def watch(self, stuck: Callable[[], list[str]], status: Callable[[], str]) -> None:
        """Say ready, then live as long as no device's reading is stuck: who is stuck is started again by systemd."""
        self.tell("READY=1", f"STATUS={status()}")
        while True:
            await asyncio.sleep(self.beat_s or 30.0)
            held = stuck()
            if held:
                self.tell(f"STATUS=stuck: {', '.join(held)}")
            else:
                self.tell("WATCHDOG=1", f"STATUS={status()}")
