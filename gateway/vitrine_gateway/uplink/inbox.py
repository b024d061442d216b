"""What arrives at the edge node: the host's state and commands, and the births and deaths of its own name."""

from __future__ import annotations

import time
from collections.abc import Callable

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine.sparkplug import Message, state_topic
from vitrine_gateway.uplink.commands import Commands
from vitrine_gateway.uplink.host_state import HostState
from vitrine_gateway.uplink.identity import Identity
from vitrine_gateway.uplink.outbox import Outbox
from vitrine_gateway.uplink.session import SessionLost

_log = logger("gateway")


class Inbox:
    """Takes each message to whom it concerns; `after` is called when one was taken that may change what is due."""

    def __init__(
        self, outbox: Outbox, commands: Commands, identity: Identity, host: HostState, after: Callable[[], None]
    ) -> None:
        self._outbox, self._commands, self._identity, self._host = outbox, commands, identity, host
        self._after, self._conflict = after, ""

    @property
    def topics(self) -> list[str]:
        """What the node subscribes to: first what it cannot do without."""
        topic = self._outbox.messages.topic
        return [
            topic(Message.NCMD),
            topic(Message.DCMD, "+"),
            state_topic(self._host.host),
            topic(Message.NBIRTH),
            topic(Message.NDEATH),
        ]

    def check(self, refused: list[str]) -> None:
        """Raise SessionLost where the broker refuses what the node cannot do without."""
        needed = set(self.topics[:3]) & set(refused)
        if needed:
            raise SessionLost(f"the broker refuses the subscription to {', '.join(sorted(needed))}")
        for topic in refused:
            _log.warning("subscription refused: a second gateway of this name would not be noticed", topic=topic)

    def end_where_another_was_born(self) -> None:
        """Raise SessionLost, once, where another gateway of this name was born."""
        sign, self._conflict = self._conflict, ""
        if sign:
            raise SessionLost(sign)

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message."""
        messages, now = self._outbox.messages, time.monotonic()
        try:
            if topic == messages.topic(Message.NCMD):
                self._commands.take(payload, now)
                if not self._commands.rebirth_wanted:
                    return  # an acknowledgement: while a backlog drains there are thousands
            elif topic == messages.topic(Message.NBIRTH):
                self._conflict = warn(self._identity.hear_birth(payload, now))
            elif topic == messages.topic(Message.NDEATH):
                warn(self._identity.hear_death(payload, now))
            elif topic == state_topic(self._host.host):
                self._hear_host(payload, now)
            self._after()
        except (PayloadError, SessionLost) as error:
            _log.warning("message not understood", topic=topic, reason=str(error))

    def _hear_host(self, payload: bytes, now: float) -> None:
        was = self._host.online
        if self._host.hear(payload) and self._host.online and was is False:
            self._outbox.delivery.host_returned(now)


def warn(sign: str) -> str:
    """Log and return a sign of another gateway of this name, where there is one."""
    if sign:
        _log.warning("another gateway seems to have this identity", sign=sign)
    return sign
