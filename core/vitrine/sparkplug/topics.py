"""Sparkplug topics: ``spBv1.0/group/TYPE/node[/device]`` and ``spBv1.0/STATE/host``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vitrine.errors import PayloadError

NAMESPACE = "spBv1.0"


class Message(StrEnum):
    """Type of a Sparkplug message, as its topic says it."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"
    DCMD = "DCMD"

    @property
    def of_device(self) -> bool:
        """Tell whether the topic has a device level."""
        return self.value.startswith("D")


@dataclass(frozen=True, slots=True)
class Topic:
    """Address of one message; `str` writes it."""

    group: str
    message: Message
    node: str
    device: str = ""

    def __str__(self) -> str:
        head = f"{NAMESPACE}/{self.group}/{self.message}/{self.node}"
        return f"{head}/{self.device}" if self.device else head

    @classmethod
    def parse(cls, text: str) -> Topic:
        """Read a topic; PayloadError says what is wrong with it."""
        levels = text.split("/")
        if levels[0] != NAMESPACE:
            raise PayloadError(f"the topic “{text}” is not in {NAMESPACE}")
        if len(levels) not in (4, 5) or not all(levels):
            raise PayloadError(f"the topic “{text}” has {len(levels)} levels, or an empty one")
        if levels[2] not in Message.__members__:
            raise PayloadError(f"“{levels[2]}” in the topic “{text}” is no Sparkplug message type")
        message = Message(levels[2])
        if message.of_device != (len(levels) == 5):
            raise PayloadError(f"the topic “{text}” of a {message} has {len(levels)} levels")
        return cls(levels[1], message, levels[3], levels[4] if message.of_device else "")


def state_topic(host: str) -> str:
    """Return the topic on which a host application says whether it is online."""
    return f"{NAMESPACE}/STATE/{host}"
