"""Reading device profiles: by name from those that come with Vitrine, or by path beside an installation file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

from vitrine.errors import InstallationError, Problem
from vitrine.i18n import Text
from vitrine.installation_file import invalid
from vitrine.installation_text import read_text
from vitrine.mqtt.words import MqttPlace
from vitrine.table_reader import Problems, TableReader
from vitrine.toml_source import key_lines
from vitrine.units import UNITS, nearest
from vitrine_gateway.profiles.model import (
    EVIDENCE,
    MOST_REGISTERS,
    PROTOCOLS,
    Channel,
    Evidence,
    Profile,
    Protocol,
    Source,
)
from vitrine_gateway.profiles.mqtt_part import MqttPart, read_part, read_place
from vitrine_gateway.profiles.registers import read_barriers, read_identity, read_labels, read_register
from vitrine_gateway.profiles.sunspec import SunSpecPart, channel_at, read_point, read_sunspec
from vitrine_gateway.profiles.trigger import read_trigger
from vitrine_gateway.profiles.types import ORDERS_OF_WIDTHS

_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_QUANTITY = re.compile(r"[a-z][a-z0-9_]*")


@cache
def names() -> tuple[str, ...]:
    """Return the names of the profiles that come with Vitrine, in alphabetical order."""
    entries = (entry.name for entry in files("vitrine_gateway.profiles").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in entries if name.endswith(".toml")))


def load(name_or_path: str, base: Path) -> Profile:
    """Read a profile by its name, or by a path from the folder `base`; InstallationError tells every mistake."""
    if is_path(name_or_path):
        path = base / name_or_path
        try:
            return _parse(path.read_text(encoding="utf-8"), path.stem, path)
        except (OSError, UnicodeDecodeError) as error:
            raise _unknown(name_or_path, f"the profile “{path}” cannot be read: {error}") from error
    if name_or_path not in names():
        raise _unknown(name_or_path, f"there is no profile “{name_or_path}”")
    return _packaged(name_or_path)


def is_path(name_or_path: str) -> bool:
    """Tell whether a device names its profile by path."""
    return name_or_path.endswith(".toml") or "/" in name_or_path


@cache
def _packaged(name: str) -> Profile:
    source = files("vitrine_gateway.profiles").joinpath(f"{name}.toml")
    return _parse(source.read_text(encoding="utf-8"), name, Path(f"{name}.toml"))


def _unknown(name: str, message: str) -> InstallationError:
    close = get_close_matches(name, names(), n=3, cutoff=0.4)
    allowed = f"did you mean {' or '.join(close)}?" if close else f"one of: {', '.join(names())}; or a path to a .toml"
    problem = Problem(code="unknown-profile", message=message, allowed=allowed)
    return InstallationError(message, hint="“vitrine profiles list” shows the profiles there are.", problems=[problem])


def _parse(text: str, key: str, path: Path) -> Profile:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = Problem(
            code="toml-syntax",
            message=f"not valid TOML: {error}",
            where=str(path),
            line=int(line[1]) if line else 0,
        )
        raise invalid(path, [problem]) from error
    problems = Problems(str(path), key_lines(text))
    profile = _read(TableReader(document, (), problems), key)
    if problems:
        raise invalid(path, problems)
    return profile


def _read(root: TableReader, key: str) -> Profile:
    protocol = cast(Protocol, root.choice("protocol", PROTOCOLS, required=True) or "modbus")
    defaults = root.table("modbus", required=protocol == "modbus")
    most, offset, order = MOST_REGISTERS, 0, "ABCD"
    barriers: tuple[int, ...] = ()
    if defaults:
        most = defaults.integer("max_registers", low=1, high=MOST_REGISTERS, default=MOST_REGISTERS)
        offset = defaults.integer("document_offset", low=0, high=500_000)
        order = defaults.choice("order", tuple(ORDERS_OF_WIDTHS), default="ABCD", required=True)
        barriers = read_barriers(defaults)
        defaults.finish()
    mqtt = root.table("mqtt") if protocol == "mqtt" else None
    part = read_part(mqtt) if mqtt else MqttPart()
    sunspec = read_sunspec(root.table("sunspec")) if protocol == "modbus" else None
    profile = Profile(
        key=key,
        manufacturer=root.text("manufacturer", required=True),
        model=root.text("model", required=True),
        name=read_text(root, "name", required=True),
        protocol=protocol,
        note=read_text(root, "note") if root.has("note") else Text(),
        sources=tuple(map(_read_source, root.tables("source", required=True))),
        channels=tuple(_read_channels(root, protocol, order, part, sunspec)),
        mqtt=part,
        max_registers=most,
        document_offset=offset,
        barriers=barriers,
        sunspec=sunspec,
        trigger=read_trigger(root.table("trigger")) if protocol == "modbus" else None,
        identity=tuple(read_identity(table, order) for table in root.tables("identity")),
    )
    _check_widths(root, profile)
    root.finish()
    return profile


def _read_source(table: TableReader) -> Source:
    source = Source(
        document=table.text("document", required=True),
        evidence=cast(Evidence, table.choice("evidence", EVIDENCE, required=True) or "convention"),
    )
    table.finish()
    return source


def _read_channels(
    root: TableReader, protocol: Protocol, order: str, part: MqttPart, sunspec: SunSpecPart | None
) -> Iterator[Channel]:
    seen: set[str] = set()
    for table in root.tables("channel", required=True):
        channel = _read_channel(table, protocol, order, part, sunspec)
        if channel.key in seen:
            table.note("repeated-key", "key", f"the channel “{channel.key}” is declared twice", "another key")
        seen.add(channel.key)
        yield channel


def _read_channel(
    table: TableReader, protocol: Protocol, order: str, part: MqttPart, sunspec: SunSpecPart | None
) -> Channel:
    key, unit, quantity = (table.text(name, required=True) for name in ("key", "unit", "quantity"))
    if key and not _KEY.fullmatch(key):
        table.note("not-a-key", "key", f"“{key}” cannot be a key", "small letters, digits and hyphens")
    if unit and unit not in UNITS:
        table.note("unknown-unit", "unit", f"“{unit}” is not a known unit", nearest(unit))
    if quantity and not _QUANTITY.fullmatch(quantity):
        table.note("not-a-quantity", "quantity", f"“{quantity}” cannot be a quantity", "small letters, digits and _")
    channel = Channel(
        key=key,
        name=read_text(table, "name", required=True),
        unit=unit,
        quantity=quantity,
        decimals=table.integer("decimals", low=0, high=9, required=True),
        scale=table.number("scale", default=1.0),
        offset=table.number("offset"),
        mqtt=read_place(table, part) if protocol == "mqtt" else MqttPlace(),
        point=read_point(table, sunspec) if sunspec else "",
        labels=read_labels(table),
        **(read_register(table, order, unit) if protocol == "modbus" and not sunspec else {}),  # type: ignore[arg-type]  # read by type there
    )
    if channel.scale == 0:
        table.note("out-of-range", "scale", "a scale of 0 makes every value the same", "another number")
    table.finish()
    return (channel_at(channel, sunspec.usual) if sunspec and sunspec.models else None) or channel


def _check_widths(root: TableReader, profile: Profile) -> None:
    for position, channel in enumerate(profile.channels):
        if profile.protocol == "modbus" and channel.width > profile.max_registers:
            root.problems.note(
                "too-wide",
                ("channel", position, "type"),
                f"{channel.width} registers do not fit in a request of {profile.max_registers}",
                "a narrower type, or a greater max_registers",
            )
