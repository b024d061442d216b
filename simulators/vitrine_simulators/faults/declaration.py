"""Reading a file of faults: ``[[fault]]`` tables, every mistake at once."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from vitrine.durations import ALLOWED, seconds
from vitrine.installation import Device, Installation
from vitrine.installation_file import invalid
from vitrine.table_reader import TableReader
from vitrine.toml_file import read_table
from vitrine_gateway.profiles import Profile
from vitrine_simulators.binding import channels_of, profiles_of
from vitrine_simulators.faults import wire_checks
from vitrine_simulators.faults.fault import Fault
from vitrine_simulators.faults.kind import FaultKind, Parameter
from vitrine_simulators.faults.kinds import KINDS

_WHEN = "“at” and “for” for once, or “per_day” and “lasting” for now and then"
_AT = "a date with its zone such as 2026-11-02T10:00:00Z, or a duration since the start such as “2 h”"


def load_faults(path: Path, installation: Installation) -> list[Fault]:
    """Read the faults of an installation; InstallationError tells every mistake with its line."""
    root, _, problems = read_table(path)
    faults: list[Fault] = []
    if root is not None:
        channels = _channels(installation)
        connections = {device.key: device.connection for device in installation.devices}
        for number, table in enumerate(root.tables("fault", required=True), start=1):
            faults += _read(table, number, channels)
            if faults and faults[-1].number == number and faults[-1].device in connections:
                wire_checks.check(table, faults[-1], connections[faults[-1].device])
        root.finish()
    if problems:
        raise invalid(path, problems, again="vitrine simulate --faults")
    return faults


@dataclass(frozen=True, slots=True)
class _Known:
    """A channel of the installation, as far as faults depend on it."""

    unit: str
    #: Whether the instrument can say that it has no value.
    has_mark: bool


#: Device → channel → what is known of it.
_Channels = dict[str, dict[str, _Known]]


def _channels(installation: Installation) -> _Channels:
    profiles = profiles_of(installation)

    def known(device: Device) -> dict[str, _Known]:
        units = {channel.key: channel.unit for channel in device.channels}
        profile = profiles[device.key]
        return {key: _known(profile, key, units.get(key, "")) for key in channels_of(device, profile)}

    return {device.key: known(device) for device in installation.devices}


def _known(profile: Profile, key: str, unit: str) -> _Known:
    channel = profile.channel(key)
    if channel is None:
        return _Known(unit, has_mark=False)
    marked = profile.protocol == "mqtt" or bool(channel.invalid) or channel.type.startswith("float")
    return _Known(unit or channel.unit, marked)


def _read(table: TableReader, number: int, channels: _Channels) -> list[Fault]:
    name = table.choice("kind", tuple(KINDS), required=True)
    if not name:
        return []
    kind = KINDS[name]
    device, channel = _target(table, kind, channels)
    at_s, since_start_s, per_day, lasting_s = _when(table, kind)
    fault = Fault(
        kind=name,
        number=number,
        device=device,
        channel=channel,
        at_s=at_s,
        since_start_s=since_start_s,
        per_day=per_day,
        lasting_s=lasting_s,
        parameters={key: _parameter(table, key, parameter, channels) for key, parameter in kind.parameters.items()},
    )
    if device and channel:
        _check_sense(table, fault, channels)
    table.finish()
    return [fault]


def _check_sense(table: TableReader, fault: Fault, channels: _Channels) -> None:
    """Note what fits the table and not the channel."""
    known = channels[fault.device][fault.channel]
    if fault.kind == "sentinel" and not known.has_mark:
        table.note(
            "no-mark",
            "kind",
            f"the profile of “{fault.device}” declares no mark for “no value” of “{fault.channel}”",
            "a channel whose profile has `invalid`, a float, or a sensor on MQTT",
        )
    other, _, key = str(fault.parameters.get("other", "")).partition("/")
    if key and channels[other][key].unit != known.unit:
        unit = channels[other][key].unit
        table.note("wrong-unit", "other", f"“{other}/{key}” is shown in {unit}, not in {known.unit}", "the same unit")
    if fault.kind == "clipped-range" and fault.parameters["lowest"] >= fault.parameters["highest"]:  # type: ignore[operator]  # numbers, by their table
        table.note("not-a-range", "highest", "the range is empty", "a number above `lowest`")


def _target(table: TableReader, kind: FaultKind, channels: _Channels) -> tuple[str, str]:
    if kind.target == "gateway":
        return "", ""
    device = table.choice("device", tuple(channels), required=kind.target != "link")
    if kind.target in ("device", "link"):
        return device, ""
    if not device:
        return "", table.text("channel", required=True)
    return device, table.choice("channel", tuple(channels[device]), required=True)


def _when(table: TableReader, kind: FaultKind) -> tuple[float | None, float | None, float, tuple[float, float]]:
    """Return (instant, seconds since the start, times a day, durations)."""
    if table.has("per_day") == table.has("at"):
        table.note("no-schedule", "at" if table.has("at") else "kind", "it is not said, once, when this happens", _WHEN)
    at_s, since_start_s = _at(table)
    per_day = table.number("per_day", low=0.0, high=100_000.0)
    random = table.has("per_day")
    if kind.instant:
        return at_s, since_start_s, per_day, (0.0, 0.0)
    if random:
        return at_s, since_start_s, per_day, _lasting(table)
    lasts = table.duration("for", required=table.has("at"))
    return at_s, since_start_s, per_day, (lasts, lasts)


def _at(table: TableReader) -> tuple[float | None, float | None]:
    at = table.raw("at")
    if at is None:
        return None, None
    if isinstance(at, datetime.datetime) and at.tzinfo is not None:
        return at.timestamp(), None
    if isinstance(at, str):
        try:
            return None, seconds(at)
        except ValueError:
            pass  # told below, with the other form that there is
    table.note("not-an-instant", "at", f"“{at}” is no instant", _AT)
    return None, 0.0


def _lasting(table: TableReader) -> tuple[float, float]:
    """Read a duration, or the shortest and the longest of a list."""
    lasting = table.raw("lasting")
    if lasting is None:
        table.note("missing-key", "lasting", "“lasting” is missing", ALLOWED)
        return 0.0, 0.0
    texts = lasting if isinstance(lasting, list) else [lasting, lasting]
    try:
        shortest, longest = (seconds(str(text)) for text in texts)
        if shortest <= longest:
            return shortest, longest
    except ValueError:
        pass  # told below, with the other form that there is
    table.note("not-a-duration", "lasting", f"“{lasting}” is no duration, nor two that rise", ALLOWED)
    return 0.0, 0.0


def _parameter(table: TableReader, name: str, parameter: Parameter, channels: _Channels) -> float | str:
    required = parameter.default is None
    if parameter.type == "word":
        return table.choice(name, parameter.words, default=str(parameter.default or ""), required=required)
    if parameter.type == "channel":
        every = [f"{device}/{key}" for device, keys in channels.items() for key in keys]
        return table.choice(name, every, default=str(parameter.default or ""), required=required)
    default = float(parameter.default or 0.0)
    if parameter.type == "duration":
        return table.duration(name, default=default, required=required)
    if parameter.type == "integer":
        low, high = (None if limit is None else int(limit) for limit in (parameter.low, parameter.high))
        return table.integer(name, low=low, high=high, default=int(default), required=required)
    return table.number(name, low=parameter.low, high=parameter.high, default=default, required=required)
