"""Layout of a package: names, columns and their meaning; the one place that build and verification share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pyarrow as pa

OBSERVATIONS = pa.schema(
    [
        pa.field("time_utc", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("series_id", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("qc", pa.int16(), nullable=False),
        pa.field("qc_bits", pa.int32(), nullable=False),
    ]
)
ROW_GROUP = 250_000

DESCRIPTOR = "datapackage.json"
CRATE = "ro-crate-metadata.json"
SENSORS = "instruments/sensors.csv"
RULES = "qc/rules.json"
DEFINITIONS = "indicators/definitions.json"
VALUES = {"hour": "indicators/hour.csv", "day": "indicators/day.csv"}
SOFTWARE = "provenance/software.json"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type in Data Package words, its unit where it has one, and what it means."""

    name: str
    type: str
    description: str
    unit: str = ""
    required: bool = True

    def field(self) -> dict[str, object]:
        """Return the column as a field of a Table Schema; `unit` is a UCUM code, which the standard lacks."""
        field: dict[str, object] = {"name": self.name, "type": self.type, "description": self.description}
        if self.unit:
            field["unit"] = self.unit
        if self.name == "qc":
            field["constraints"] = {"required": True, "enum": [1, 2, 3, 4, 9]}
        elif self.required:
            field["constraints"] = {"required": True}
        return field


_TIME = "ISO 8601, UTC"

OBSERVATION_COLUMNS = (
    Column("time_utc", "datetime", f"When the value was measured; {_TIME}"),
    Column("series_id", "string", "device/channel, see instruments/sensors.csv"),
    Column("value", "number", "Raw value in the series' unit; empty where there is none", required=False),
    Column("qc", "integer", "QARTOD flag: 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9 missing"),
    Column("qc_bits", "integer", "A bit for each test not passed, see qc/rules.json"),
)
_VALUE_COLUMNS = (
    Column("bucket_utc", "datetime", f"Start of the period; {_TIME}"),
    Column("indicator", "string", "Key of the indicator, see indicators/definitions.json"),
    Column("version", "integer", "Version of its formula"),
    Column("value", "number", "Value in the indicator's unit; empty where coverage is too low", required=False),
    Column("unit", "string", "UCUM code"),
    Column("coverage", "number", "Share of the period's minutes with usable values, of the poorest input", unit="1"),
)

#: Every table of a package but the observations.
TABLES: dict[str, tuple[Column, ...]] = {
    SENSORS: (
        Column("series_id", "string", "device/channel"),
        Column("device", "string", "Key of the instrument"),
        Column("channel", "string", "Key of the measured quantity"),
        Column("gateway", "string", "Gateway that read it"),
        Column("profile", "string", "Profile by which it was read", required=False),
        Column("name_fr", "string", "French name", required=False),
        Column("name_en", "string", "English name", required=False),
        Column("quantity", "string", "What is measured", required=False),
        Column("unit", "string", "UCUM code of the values"),
        Column("decimals", "integer", "Digits after the decimal mark worth showing"),
        Column("period_s", "number", "Time between two expected values", unit="s", required=False),
        Column("accuracy", "string", "As the site states it", required=False),
        Column("rows", "integer", "Number of values in this package", unit="1"),
        Column("pass", "integer", "Values with flag 1", unit="1"),
        Column("not_evaluated", "integer", "Values with flag 2", unit="1"),
        Column("suspect", "integer", "Values with flag 3", unit="1"),
        Column("fail", "integer", "Values with flag 4", unit="1"),
        Column("missing", "integer", "Values with flag 9", unit="1"),
        Column("first_utc", "datetime", f"First value; {_TIME}", required=False),
        Column("last_utc", "datetime", f"Last value; {_TIME}", required=False),
    ),
    "instruments/calibrations.csv": (
        Column("series_id", "string", "device/channel"),
        Column("date", "date", "Day of the calibration"),
        Column("due", "date", "Until when it holds", required=False),
        Column("certificate", "string", "Number of the certificate", required=False),
    ),
    "instruments/changes.csv": (
        Column("series_id", "string", "device/channel"),
        Column("time_utc", "datetime", f"From when it held; {_TIME}"),
        Column("field", "string", "What changed in the channel's declaration"),
        Column("before", "string", "JSON", required=False),
        Column("after", "string", "JSON", required=False),
        Column("file_sha256", "string", "Installation file that brought it", required=False),
    ),
    "qc/overrides.csv": (
        Column("series_id", "string", "device/channel"),
        Column("time_utc", "datetime", f"Time of the value; {_TIME}"),
        Column("qc_before", "integer", "Flag before"),
        Column("qc_after", "integer", "Flag after"),
        Column("qc_bits_before", "integer", "Tests before"),
        Column("qc_bits_after", "integer", "Tests after"),
        Column("reason", "string", "Why"),
        Column("changed_by", "string", "By whom"),
        Column("changed_utc", "datetime", f"When; {_TIME}"),
    ),
    VALUES["hour"]: _VALUE_COLUMNS,
    VALUES["day"]: _VALUE_COLUMNS,
    "evidence/delivery.csv": (
        Column("gateway", "string", "Gateway"),
        Column("epoch", "string", "Queue of the gateway, numbered from 1"),
        Column("held", "string", "Record numbers that the platform holds, as ranges"),
        Column("lost", "string", "Record numbers that the gateway reported lost", required=False),
        Column(
            "not_yet", "string", "Record numbers below the highest held that are neither held nor lost", required=False
        ),
        Column("repeated", "integer", "Records that came again and were not written again", unit="1"),
        Column("first_utc", "datetime", f"First record received; {_TIME}"),
        Column("last_utc", "datetime", f"Last record received; {_TIME}"),
    ),
    "evidence/losses.csv": (
        Column("gateway", "string", "Gateway"),
        Column("epoch", "string", "Queue of the gateway"),
        Column("records", "string", "Record numbers lost, as ranges"),
        Column("first_utc", "datetime", f"First time they covered; {_TIME}"),
        Column("last_utc", "datetime", f"Last time they covered; {_TIME}"),
        Column("reason", "string", "Why they were lost"),
        Column("reported_utc", "datetime", f"When the gateway said so; {_TIME}"),
    ),
    "evidence/time_sources.csv": (
        Column("gateway", "string", "Gateway"),
        Column("epoch", "string", "Queue of the gateway"),
        Column("source", "string", "Where the time came from: ntp, rtc, restamped, uncertain"),
        Column("records", "string", "Record numbers, as ranges"),
    ),
}


def observation_paths(device: str) -> tuple[str, str]:
    """Return the Parquet and the CSV file of one instrument."""
    stem = f"observations/{quote(device, safe='')}"
    return f"{stem}.parquet", f"{stem}.csv.gz"


def columns(table: pa.Table) -> tuple[Any, Any, Any, Any]:
    """Return time (microseconds), value (NaN for none), flag and tests of observations as arrays."""
    time_us = table.column("time_utc").cast(pa.int64()).to_numpy()
    value = table.column("value").to_numpy()
    return time_us, value, table.column("qc").to_numpy(), table.column("qc_bits").to_numpy()
