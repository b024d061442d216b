"""What a device profile says of an instrument."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vitrine.i18n import Text
from vitrine.mqtt.words import MqttPlace
from vitrine_gateway.profiles.companion import Companion
from vitrine_gateway.profiles.mqtt_part import MqttPart
from vitrine_gateway.profiles.sunspec import SunSpecPart
from vitrine_gateway.profiles.trigger import Trigger
from vitrine_gateway.profiles.types import WIDTHS

Protocol = Literal["modbus", "mqtt"]
Table = Literal["input", "holding"]
Evidence = Literal["manual", "peer_code", "page_excerpt", "convention"]

PROTOCOLS: tuple[str, ...] = ("modbus", "mqtt")
TABLES: tuple[str, ...] = ("input", "holding")
EVIDENCE: tuple[str, ...] = ("manual", "peer_code", "page_excerpt", "convention")

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

    ``value = raw × scale + offset``, in `unit`. The registers from `address` on are those of the value and of its
    companions, which are always read together, so that a factor or a unit belongs to the value beside it.
    """

    key: str
    name: Text
    #: UCUM code of the value.
    unit: str
    #: What is measured, for example ``volume_flow``.
    quantity: str
    decimals: int
    #: First register, counted from zero as on the wire; `width` registers belong together.
    address: int = 0
    #: Where the value lies behind `address`.
    at: int = 0
    table: Table = "holding"
    type: str = "uint16"
    #: Bytes on the wire, A the most significant one.
    order: str = "AB"
    scale: float = 1.0
    offset: float = 0.0
    #: Raw values that mean "no value".
    invalid: tuple[float, ...] = ()
    #: Lowest bit and number of bits, where the value is a part of its register.
    bits: tuple[int, int] | None = None
    #: What the codes of a status mean.
    labels: Mapping[int, Text] = field(default_factory=dict)
    scale_factor: Companion | None = None
    unit_code: Companion | None = None
    quality: Companion | None = None
    #: Point of a SunSpec model; the registers are then those of the model where most devices keep it.
    point: str = ""
    #: Power of ten that the SunSpec model itself fixes for the point; `scale` holds it already.
    fixed_power: int = 0
    #: Where the value lies in the messages of a sensor.
    mqtt: MqttPlace = field(default_factory=MqttPlace)

    @property
    def companions(self) -> tuple[Companion, ...]:
        """Registers that say how the value is to be understood."""
        return tuple(one for one in (self.scale_factor, self.unit_code, self.quality) if one)

    @property
    def width(self) -> int:
        """Registers from the first to the last that the value and its companions take."""
        ends = [self.value_address + self.value_width, *(one.address + one.width for one in self.companions)]
        return max(ends) - self.address

    @property
    def value_address(self) -> int:
        """Address of the value itself."""
        return self.address + self.at

    @property
    def value_width(self) -> int:
        """Registers that the value itself takes."""
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
    #: Values that the instrument may show; texts for the type ``string``.
    values: tuple[int | str, ...]
    meaning: Text
    #: Registers of a text.
    registers: int = 0

    @property
    def width(self) -> int:
        """Registers that the value takes."""
        return self.registers or WIDTHS[self.type]

    @property
    def chance(self) -> float:
        """Share of all contents that would pass for the instrument."""
        bits = 8 if self.type.endswith("int8") else 16 * self.width
        return len(self.values) / 2.0**bits


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
    #: No request reaches from below one of these registers to it or beyond it: what lies before it cannot be read.
    barriers: tuple[int, ...] = ()
    #: The SunSpec models that are looked for on the device.
    sunspec: SunSpecPart | None = None
    #: What is written before each reading.
    trigger: Trigger | None = None
    #: Topics, times and availability of sensors that publish.
    mqtt: MqttPart = field(default_factory=MqttPart)

    @property
    def chance(self) -> float:
        """Chance that another instrument shows the identity, if its registers held anything."""
        return math.prod(mark.chance for mark in self.identity)

    def channel(self, key: str) -> Channel | None:
        """Return a channel by its key."""
        return next((channel for channel in self.channels if channel.key == key), None)
