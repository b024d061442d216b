"""Reading an installation file: the whole file, every mistake at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import cast

from vitrine.errors import InstallationError, Problem
from vitrine.installation import (
    DOMAINS,
    KINDS,
    Domain,
    Indicator,
    Installation,
    Kind,
)
from vitrine.installation_devices import read_devices
from vitrine.installation_gateway import read_gateway
from vitrine.installation_lines import check_lines
from vitrine.installation_process import read_process
from vitrine.installation_proxy import check_proxy
from vitrine.installation_text import read_text
from vitrine.table_reader import Problems, TableReader
from vitrine.toml_file import read_table
from vitrine.units import UNITS, nearest

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_CHANNEL = re.compile(r"[^/\s]+/[^/\s]+")


def load(path: FilePath) -> Installation:
    """Read an installation file; InstallationError tells every mistake with its line."""
    installation, problems = inspect(path)
    if problems or installation is None:
        raise invalid(path, problems)
    return installation


def invalid(path: FilePath, problems: list[Problem], again: str = "vitrine check") -> InstallationError:
    """Build the error that tells all mistakes of a file, in the order of its lines; `again`: what to run then."""
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.key))
    count = "one mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
    return InstallationError(
        f"{path} has {count}", hint=f"Mend the lines named, then run “{again}” again.", problems=ordered
    )


def inspect(path: FilePath) -> tuple[Installation | None, Problems]:
    """Read an installation file and return what could be understood with the mistakes found.

    The installation is None when the file cannot be read at all or lacks its gateway.
    """
    root, raw, problems = read_table(path)
    if root is None:
        return None, problems
    installation = _read(root, path, raw.decode("utf-8"), hashlib.sha256(raw).hexdigest())
    return installation, problems


def _read(root: TableReader, path: FilePath, text: str, sha256: str) -> Installation | None:
    head = root.table("installation", required=True)
    gateway = read_gateway(root)
    devices = read_devices(root)
    check_lines(devices, root.problems)
    if gateway and gateway.proxy:
        check_proxy(gateway.proxy, devices, root.problems)
    indicators = tuple(_read_indicators(root))
    process = read_process(root, devices)
    root.finish()
    if head is None:
        return None
    location = head.table("location")
    latitude = location.number("latitude", low=-90, high=90, required=True) if location else None
    longitude = location.number("longitude", low=-180, high=180, required=True) if location else None
    if location:
        location.finish()
    slug = _slug(head, "slug")
    organisation = _slug(head, "organisation")
    found = {
        "slug": slug,
        "kind": cast(Kind, head.choice("kind", KINDS, required=True)),
        "domain": cast(Domain, head.choice("domain", DOMAINS, required=True)),
        "name": read_text(head, "name", required=True),
        "organisation": organisation,
        "organisation_name": head.text("organisation_name") or organisation,
        "description": read_text(head, "description"),
        "municipality": head.text("municipality"),
        "simulated": head.take("simulated", bool) or False,
        "licence": head.text("licence") or "CC-BY-4.0",
    }
    head.finish()
    if gateway is None:
        return None
    return Installation(
        **found,  # type: ignore[arg-type]  # each value was read with its own type just above
        latitude=latitude,
        longitude=longitude,
        gateway=gateway,
        devices=devices,
        indicators=indicators,
        process=process,
        path=str(path),
        source=text,
        sha256=sha256,
    )


def _slug(reader: TableReader, key: str) -> str:
    value = reader.text(key, required=True)
    if value and not _SLUG.fullmatch(value):
        reader.note(
            "not-a-slug",
            key,
            f"“{value}” cannot be part of an address",
            "small letters, digits and hyphens, for example pilote-uf",
        )
    return value


def _read_indicators(root: TableReader) -> Iterator[Indicator]:
    seen: dict[str, TableReader] = {}
    for table in root.tables("indicator"):
        key = _slug(table, "key")
        if key in seen:
            table.note("repeated-key", "key", f"the indicator “{key}” is declared twice", "another key")
        seen[key] = table
        unit = table.text("unit", required=True)
        if unit and unit not in UNITS:
            table.note("unknown-unit", "unit", f"“{unit}” is not a known unit", nearest(unit))
        yield Indicator(
            key=key,
            version=table.integer("version", low=1, default=1),
            name=read_text(table, "name", required=True),
            description=read_text(table, "description"),
            formula=table.text("formula", required=True),
            unit=unit,
            decimals=table.integer("decimals", low=0, high=9, default=2),
            inputs=table.mapping("inputs", _read_input),
            parameters=table.mapping("parameters", _read_parameter),
            reference=table.text("reference"),
        )
        table.finish()


def _read_input(table: TableReader, name: str) -> str:
    channel = table.text(name)
    if not _NAME.fullmatch(name):
        table.note("not-a-name", name, f"“{name}” cannot be a name in a formula", "small letters, digits and _")
    if channel and not _CHANNEL.fullmatch(channel):
        table.note(
            "not-a-channel", name, f"“{channel}” does not name a channel", "device/channel, for example feed-flow/flow"
        )
    return channel


def _read_parameter(table: TableReader, name: str) -> tuple[float, str]:
    inner = table.table(name)
    if inner is None:
        return 0.0, "1"
    value, unit = inner.number("value", required=True), inner.text("unit", required=True)
    if unit and unit not in UNITS:
        inner.note("unknown-unit", "unit", f"“{unit}” is not a known unit", nearest(unit))
    inner.finish()
    return value, unit
