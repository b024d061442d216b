"""What a device profile says of an instrument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vitrine.installation import Text
from vitrine_gateway.profiles.mqtt_part import MqttPart, MqttPlace

Protocol = Literal["modbus", "mqtt"]
Table = Literal["input", "holding"]
Evidence = Literal["manual", "peer_code", "page_excerpt", "convention"]

PROTOCOLS: tuple[str, ...] = ("modbus", "mqtt")
TABLES: tuple[str, ...] = ("input", "holding")
EVIDENCE: tuple[str, ...] = ("manual", "peer_code", "page_excerpt", "convention")

#: Registers that a value of each type takes.
WIDTHS: dict[str, int] = {
    "int16": 1,
    "uint16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}
#: Orders of bytes on the wire, by registers. A is the most significant byte.
ORDERS: dict[int, tuple[str, ...]] = {
    1: ("AB", "BA"),
    2: ("ABCD", "CDAB", "DCBA", "BADC"),
    4: ("ABCDEFGH", "GHEFCDAB", "HGFEDCBA", "BADCFEHG"),
}
#: What an order given for a whole profile means for wider and narrower values.
ORDERS_OF_WIDTHS: dict[str, dict[int, str]] = {
    "ABCD": {1: "AB", 2: "ABCD", 4: "ABCDEFGH"},
    "CDAB": {1: "AB", 2: "CDAB", 4: "GHEFCDAB"},
    "DCBA": {1: "BA", 2: "DCBA", 4: "HGFEDCBA"},
    "BADC": {1: "BA", 2: "BADC", 4: "BADCFEHG"},
}
#: Registers that one request may ask for by the standard.
MOST_REGISTERS = 125


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document that says where the registers are."""

    document: str
    #: How we know: the maker's manual, the code of another gateway, pages of a manual, or a mere convention.
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One quantity of an instrument. `address` … `order` are for Modbus, `mqtt` for sensors that publish.

    ``value = raw × scale + offset``, in `unit`.
    """

    key: str
    name: Text
    #: UCUM code of the value.
    unit: str
    #: What is measured, for example ``volume_flow``.
    quantity: str
    decimals: int
    #: Zero-based address on the wire.
    address: int = 0
    table: Table = "holding"
    type: str = "uint16"
    #: Bytes on the wire, A the most significant one.
    order: str = "AB"
    scale: float = 1.0
    offset: float = 0.0
    #: Raw values that mean "no value".
    invalid: tuple[float, ...] = ()
    #: Where the value lies in the messages of a sensor.
    mqtt: MqttPlace = field(default_factory=MqttPlace)

    @property
    def width(self) -> int:
        """Registers that the value takes."""
        return WIDTHS[self.type]

    @property
    def path(self) -> str:
        """Path of the value in the JSON message."""
        return self.mqtt.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A register that tells whether the instrument is the one that the profile describes; read alone."""

    address: int
    table: Table
    type: str
    order: str
    #: Values that the instrument may show.
    values: tuple[int, ...]
    meaning: Text

    @property
    def width(self) -> int:
        """Registers that the value takes."""
        return WIDTHS[self.type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of instrument."""

    key: str
    manufacturer: str
    model: str
    name: Text
    protocol: Protocol
    sources: tuple[Source, ...]
    channels: tuple[Channel, ...]
    #: What a technician should know or verify.
    note: Text = field(default_factory=Text)
    #: Most registers that one request may ask for.
    max_registers: int = MOST_REGISTERS
    #: Number of a register in the document = address on the wire + this.
    document_offset: int = 0
    identity: tuple[Identity, ...] = ()
    #: Topics, times and availability of sensors that publish.
    mqtt: MqttPart = field(default_factory=MqttPart)

    def channel(self, key: str) -> Channel | None:
        """Return a channel by its key."""
        return next((channel for channel in self.channels if channel.key == key), None)
