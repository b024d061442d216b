"""End-to-end delivery on top of Sparkplug: the metrics and texts that gateway and collector agree on.

A record is one DDATA message (measurements of one device) or one NDATA message (a report of loss), numbered 1, 2, 3 …
in the gateway's queue, whose `epoch` was made with it. The collector acknowledges record numbers after its commit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from vitrine.errors import PayloadError
from vitrine.ranges import Ranges

# Node metrics, declared in NBIRTH
REBIRTH = "Node Control/Rebirth"
BDSEQ = "bdSeq"
EPOCH = "Uplink/Epoch"  # String, a UUID
ACK = "Uplink/Ack"  # String, written by the host with NCMD: JSON of `Ack`
LOST = "Uplink/Lost"  # String, NDATA of a numbered record: JSON of `Loss`
CONFIGURATION = "Configuration/SHA-256"  # String, of the installation file
SOFTWARE = "Software/Version"  # String
QUEUE_DEPTH = "Health/Queue depth"  # Int64, records that wait for their acknowledgement
QUEUE_OLDEST = "Health/Oldest unsent age"  # Double, seconds
QUEUE_BYTES = "Health/Queue bytes"  # Int64
CLOCK_SOURCE = "Health/Clock source"  # String, a TimeSource
CLOCK_OFFSET = "Health/Clock offset"  # Double, milliseconds; null where it is not known
DEVICES_FAILING = "Health/Devices failing"  # String, JSON object: device key → reason, in English
DEVICES = "Health/Devices"  # String, JSON object: device key → success (0 to 1), latency_ms, breaker, missed_slots
RECORDS_LOST = "Health/Records lost"  # Int64, given up since the start of the gateway, all of them reported
CLOCK_STEPS = "Health/Clock steps"  # Int64, steps of the wall clock since the start of the gateway
BYTES_WRITTEN = "Health/Bytes written today"  # Int64, since midnight UTC, to 1 MB
DISK_FREE = "Health/Disk free"  # Int64, bytes, to 100 MB; null where it is not known, as below
CPU_TEMPERATURE = "Health/CPU temperature"  # Double, °C, to 1 °C
UNDER_VOLTAGE = "Health/Under-voltage"  # Boolean, as the machine tells it
MEMORY = "Health/Memory"  # Int64, resident bytes of the gateway, to 1 MB

# Metrics in every DBIRTH and every DDATA (RECORD in the NDATA of a loss too)
RECORD = "Uplink/Record"  # Int64, number of the record
TIME_SOURCE = "Uplink/Time source"  # String, a TimeSource

# Properties of a channel's metric in DBIRTH
UNIT = "engUnit"  # String, UCUM
QUANTITY = "quantity"  # String
NAME_FR, NAME_EN = "nameFr", "nameEn"  # String
DECIMALS = "decimals"  # Int32
PERIOD = "period"  # Double, seconds between two expected values
ACCURACY = "accuracy"  # String
CALIBRATION = "calibration"  # String, JSON {date, due, certificate}
RULES = "qualityRules"  # String, JSON of the non-null fields of `vitrine.installation.QualityRules`
PROFILE = "profile"  # String, key of the device's profile

# Properties of a channel's metric in DDATA, only when it is not good
QUALITY = "Quality"  # Int32, Sparkplug: 0 bad, 192 good, 500 stale
TESTS = "tests"  # Int32, bits of vitrine.quality.Test that the gateway saw fail

TimeSource = Literal["ntp", "rtc", "restamped", "uncertain"]
#: Host application id of Vitrine's collectors.
HOST = "vitrine"


@dataclass(frozen=True, slots=True)
class Ack:
    """Records that the host holds, committed, of one epoch."""

    epoch: UUID
    records: Ranges

    def to_json(self) -> str:
        """Write the value of the `Uplink/Ack` metric."""
        return json.dumps({"epoch": str(self.epoch), "records": str(self.records)})

    @classmethod
    def from_json(cls, text: str) -> Ack:
        """Read it; PayloadError where it is something else."""
        try:
            document = json.loads(text)
            return cls(UUID(document["epoch"]), Ranges.parse(document["records"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PayloadError(f"not an acknowledgement: {text[:200]!r}") from error


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that a gateway had to drop, why, and which times (milliseconds since 1970 UTC) they covered."""

    epoch: UUID
    records: Ranges
    first_ms: int
    last_ms: int
    reason: str
    #: What is kept of thinned records: ``device/channel`` → for each minute its start in seconds since 1970, and
    #: count, mean, least and greatest of its values.
    statistics: dict[str, list[list[float]]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write the value of the `Uplink/Lost` metric."""
        document: dict[str, object] = {
            "epoch": str(self.epoch),
            "records": str(self.records),
            "first": self.first_ms,
            "last": self.last_ms,
            "reason": self.reason,
        }
        if self.statistics:
            document["statistics"] = self.statistics
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Loss:
        """Read it; PayloadError where it is something else."""
        try:
            document = json.loads(text)
            return cls(
                UUID(document["epoch"]),
                Ranges.parse(document["records"]),
                int(document["first"]),
                int(document["last"]),
                str(document["reason"]),
                dict(document.get("statistics", {})),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PayloadError(f"not a report of loss: {text[:200]!r}") from error
