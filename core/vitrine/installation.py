"""The installation file's model: what one demonstration site is, and how it is measured.

The file is the only place where a channel is declared. `vitrine.installation_file.load` reads it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Literal

from vitrine.i18n import Text
from vitrine.process import Process

Kind = Literal["test_bench", "showcase"]
Domain = Literal["water", "residual_materials", "energy_efficiency", "renewable_energy"]
Transport = Literal["tcp", "tls", "udp", "rtu", "rtu_over_tcp", "ascii", "ascii_over_tcp", "mqtt"]
MqttVersion = Literal["3.1.1", "5"]
Confirmation = Literal["host", "broker"]

KINDS: tuple[str, ...] = ("test_bench", "showcase")
DOMAINS: tuple[str, ...] = ("water", "residual_materials", "energy_efficiency", "renewable_energy")
TRANSPORTS: tuple[str, ...] = ("tcp", "tls", "udp", "rtu", "rtu_over_tcp", "ascii", "ascii_over_tcp", "mqtt")
#: Those that go over a serial port of the gateway itself.
SERIAL_TRANSPORTS: tuple[str, ...] = ("rtu", "ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """When an instrument was last calibrated, and until when that holds."""

    date: datetime.date
    due: datetime.date | None = None
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRules:
    """Thresholds of the quality tests, in the channel's unit; None where a test is not asked for."""

    #: Outside → fail.
    gross_range_fail: tuple[float, float] | None = None
    #: Outside → suspect; lies inside the fail range.
    gross_range_suspect: tuple[float, float] | None = None
    #: Distance from the mean of the two neighbours.
    spike_suspect: float | None = None
    spike_fail: float | None = None
    #: Change per second.
    rate_of_change_suspect: float | None = None
    rate_of_change_fail: float | None = None
    #: Seconds without a change greater than the tolerance.
    flat_line_suspect_s: float | None = None
    flat_line_fail_s: float | None = None
    flat_line_tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a site adds to, or changes of, one channel of a device's profile."""

    #: Key of the channel in the profile.
    key: str
    name: Text = field(default_factory=Text)
    #: UCUM code to convert to; empty: the profile's.
    unit: str = ""
    #: Digits after the decimal mark that people should see; None: the profile's.
    decimals: int | None = None
    #: Seconds between two readings; None: the device's.
    every_s: float | None = None
    #: As people state it, for example ``0.4 % of reading``.
    accuracy: str = ""
    calibration: Calibration | None = None
    rules: QualityRules = field(default_factory=QualityRules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a device is reached; which fields matter depends on the transport."""

    transport: Transport
    host: str = ""
    port: int = 0
    #: Second choice where the first does not open; '' and 0: none.
    backup_host: str = ""
    backup_port: int = 0
    #: Serial device, for ``rtu`` and ``ascii``.
    serial_port: str = ""
    baudrate: int = 9600
    parity: Literal["N", "E", "O"] = "N"
    data_bits: int = 8
    stop_bits: int = 1
    #: Modbus unit id.
    unit: int = 1
    #: Seconds without an answer until a request has failed.
    timeout_s: float = 1.0
    #: Seconds of silence before each request, for converters that need them.
    pause_s: float = 0.0
    #: False: the connection is given back between two cycles, to others who want it.
    keep_open: bool = True
    #: PEM files for ``tls``: authorities (empty: the system's), own certificate and its key, and the
    #: name that the instrument's certificate bears (empty: `host`).
    ca: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""
    #: MQTT topic on which the sensor publishes, or a template; empty: the profile's.
    topic: str = ""
    #: Names that the templates of the profile leave open.
    names: tuple[tuple[str, str], ...] = ()
    #: Zone of times that a sensor writes without one, and whose clock stamps its values.
    zone: str = ""
    time: Literal["sensor", "arrival"] = "sensor"
    #: True where a Sparkplug node may be asked for its birth.
    rebirth: bool = False
    #: True where the sensor publishes to the platform's own broker: collectors read it, no gateway does.
    central: bool = False
    #: Encrypted to the broker of sensors, also where `ca` is empty.
    tls: bool = False
    username: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One instrument."""

    key: str
    #: Name of a profile, or a path to one beside the installation file.
    profile: str
    connection: Connection
    #: Seconds between two readings; for MQTT sensors, the longest expected silence.
    every_s: float
    #: Seconds after the multiples of the period at which it is read.
    phase_s: float = 0.0
    #: Whether the gateway may write what the profile declares to make the instrument measure; nothing else is written.
    trigger: bool = False
    name: Text = field(default_factory=Text)
    #: Only these channels of the profile are read; empty: all of them.
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """The broker that a gateway sends to, and how."""

    host: str
    port: int
    #: Brokers to turn to one after another where the first is away, or where the primary host is not there.
    fallback: tuple[tuple[str, int], ...] = ()
    #: Encrypted; with the certificate authorities of the machine where `ca` names none.
    tls: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    username: str = ""
    password_file: str = ""
    mqtt: MqttVersion = "3.1.1"
    keepalive_s: float = 15.0
    #: Whose word takes a record off the queue: the host application's after its commit, or the broker's.
    delivery: Confirmation = "host"
    #: Sparkplug host application without which nothing is sent; empty: none.
    primary_host: str = ""
    #: Records of the backlog sent in a second, beside the live ones.
    drain: float = 2500.0
    #: The backlog begins after a random part of this time.
    drain_delay_s: float = 5.0
    #: Records sent and not yet confirmed.
    window: int = 2000

    @property
    def servers(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every broker, in the order in which they are tried."""
        return ((self.host, self.port), *self.fallback)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Limits of the queue on the gateway's disk."""

    max_bytes: int = 2_000_000_000
    #: Seconds after which records that nobody took are dropped.
    max_age_s: float = 90 * 86_400.0
    #: Bytes of the disk that the queue leaves free.
    keep_free: int = 200_000_000
    #: Longest time between a measurement and its safety on disk: what a power cut may take.
    flush_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyUnits:
    """Unit numbers under which other programs may read through the proxy."""

    first: int
    last: int
    #: Key of a Modbus device: the one that answers a single number, or whose line a range lies on.
    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The read-only Modbus TCP server that shares the gateway's lines with the owner's own programs."""

    address: str = "127.0.0.1"
    port: int = 1502
    max_clients: int = 4
    units: tuple[ProxyUnits, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    """The local page with the gateway's health, for Prometheus."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The agent of an installation."""

    node: str
    uplink: Uplink
    queue: Queue = field(default_factory=Queue)
    #: None: no proxy.
    proxy: Proxy | None = None
    #: None: health over the socket in the data folder only.
    health: HealthPage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A versioned formula over channels, with its unit."""

    key: str
    version: int
    name: Text
    #: Arithmetic over `inputs` and `parameters`; `vitrine_evaluation.formula` says which functions there are.
    formula: str
    unit: str
    decimals: int = 2
    #: Name in the formula → ``device/channel``.
    inputs: dict[str, str] = field(default_factory=dict)
    #: Name in the formula → (value, unit), for example a baseline.
    parameters: dict[str, tuple[float, str]] = field(default_factory=dict)
    description: Text = field(default_factory=Text)
    #: Norm or publication that defines it.
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One demonstration site, as its file describes it."""

    slug: str
    kind: Kind
    domain: Domain
    name: Text
    organisation: str
    organisation_name: str
    gateway: Gateway
    devices: tuple[Device, ...]
    description: Text = field(default_factory=Text)
    municipality: str = ""
    #: True where the instruments are simulated; every page then says so.
    simulated: bool = False
    latitude: float | None = None
    longitude: float | None = None
    licence: str = "CC-BY-4.0"
    indicators: tuple[Indicator, ...] = ()
    #: The drawing of the process; None: the portal shows none.
    process: Process | None = None
    #: Where the file was read from, its text and the SHA-256 of its bytes (hexadecimal).
    path: str = ""
    source: str = ""
    sha256: str = ""
