"""Indicators of an installation file, checked before anything is applied: every mistake with its line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vitrine.errors import Problem
from vitrine.installation import Device, Installation
from vitrine.toml_source import Path, dotted, line_of
from vitrine_evaluation.formula import examine


def check_indicators(installation: Installation, lines: Mapping[Path, int]) -> tuple[list[Problem], list[str]]:
    """Return the mistakes, and the channels whose unit only the device's profile knows."""
    found: list[Problem] = []
    unknown: set[str] = set()
    for position, indicator in enumerate(installation.indicators):
        units = {
            path: unit
            for device in installation.devices
            for path, unit in _channels(device, indicator.inputs.values()).items()
        }
        unknown |= {path for path in indicator.inputs.values() if path in units and units[path] is None}
        for problem in examine(indicator, units)[1]:
            path: Path = ("indicator", position, *problem.key.split("."))
            found.append(
                dataclasses.replace(problem, where=installation.path, line=line_of(dict(lines), path), key=dotted(path))
            )
    return found, sorted(unknown)


def _channels(device: Device, asked: object) -> dict[str, str | None]:
    """Return the channels that a device has; where it declares none it has all of its profile."""
    known: dict[str, str | None] = {f"{device.key}/{channel.key}": channel.unit or None for channel in device.channels}
    if device.channels:
        return known
    return {path: None for path in asked if path.startswith(f"{device.key}/")}  # type: ignore[attr-defined]
