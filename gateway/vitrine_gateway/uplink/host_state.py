"""What a host application says of itself on its STATE topic, and which of its words count."""

from __future__ import annotations

import json

from vitrine.errors import PayloadError


class HostState:
    """The state of one host application, as it stands on each broker (specification 6.4.27 and chapter 5)."""

    def __init__(self, host: str) -> None:
        self.host = host
        #: What it said in this connection; None where it said nothing.
        self.online: bool | None = None
        self._server = ""
        self._accepted: dict[str, int] = {}

    def connected(self, server: str) -> None:
        """Begin a connection: what was said in another one no longer counts, but for its time."""
        self._server, self.online = server, None

    def hear(self, payload: bytes) -> bool:
        """Take a STATE message; tell whether it counts. PayloadError where it is none.

        A word that is older than the last one accepted on this broker does not count: it is a late will.
        """
        online, at = _read(payload)
        if at < self._accepted.get(self._server, at):
            return False
        self._accepted[self._server], self.online = at, online
        return True


def _read(payload: bytes) -> tuple[bool, int]:
    try:
        document = json.loads(payload)
        online, at = document["online"], document["timestamp"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PayloadError("the host's state is not as Sparkplug wants it") from error
    if not isinstance(online, bool) or not isinstance(at, int) or isinstance(at, bool):
        raise PayloadError("the host's state needs a boolean “online” and a whole “timestamp”")
    return online, at
