"""The truth log: one JSON line for each fault that happened, by which findings are judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from vitrine.errors import ConfigurationError, Problem
from vitrine_simulators.faults.occurrence import Occurrence


def line_of(occurrence: Occurrence) -> str:
    """Write one occurrence; times are ISO 8601 in UTC."""
    return json.dumps(
        {
            "id": occurrence.id,
            "kind": occurrence.kind,
            "family": occurrence.family,
            "device": occurrence.device,
            "channel": occurrence.channel,
            "begin": _text(occurrence.begin),
            "end": _text(occurrence.end),
            "parameters": dict(sorted(occurrence.parameters.items())),
        },
        ensure_ascii=False,
    )


class TruthLog:
    """Adds lines as faults begin; each line is there for others at once."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise ConfigurationError(
                f"the truth log {path} cannot be written: {error.strerror}", hint="Name another file with --truth."
            ) from error

    def add(self, occurrence: Occurrence) -> None:
        """Add a fault that begins, with the end that is planned for it."""
        self._file.write(line_of(occurrence) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_truth(path: Path) -> list[Occurrence]:
    """Read a truth log; ConfigurationError names each line that is none."""
    found: list[Occurrence] = []
    problems: list[Problem] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the truth log {path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_occurrence(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            message = f"this is no line of a truth log: {type(error).__name__}: {error}"
            problems.append(Problem(code="not-a-truth", message=message, where=str(path), line=number))
    if problems:
        raise ConfigurationError(
            f"{path} is no truth log", hint="“vitrine simulate --truth” writes one.", problems=problems
        )
    return found


def _text(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _occurrence(document: dict[str, object]) -> Occurrence:
    parameters = document["parameters"]
    if not isinstance(parameters, dict):
        raise TypeError("parameters is no table")
    return Occurrence(
        id=str(document["id"]),
        kind=str(document["kind"]),
        family=document["family"],  # type: ignore[arg-type]  # kept as it is written
        device=str(document["device"]),
        channel=str(document["channel"]),
        begin=_seconds(str(document["begin"])),
        end=_seconds(str(document["end"])),
        parameters=parameters,
    )
