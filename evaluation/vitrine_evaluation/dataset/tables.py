"""Small tables and JSON of a package, always written the same way."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from vitrine_evaluation.dataset.layout import TABLES


def write_table(folder: Path, name: str, rows: Iterable[Iterable[object]]) -> None:
    """Write one table of the layout as CSV: UTF-8, commas, one line a row."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in TABLES[name])
        writer.writerows([_cell(value) for value in row] for row in rows)


def write_json(folder: Path, name: str, document: object) -> None:
    """Write a JSON document that people can read."""
    write_text(folder, name, json.dumps(document, ensure_ascii=False, indent=2, default=_cell) + "\n")


def write_text(folder: Path, name: str, text: str) -> None:
    """Write a text as UTF-8, with the line ends of Unix."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def moment(time: datetime) -> str:
    """Write a time as ISO 8601 in UTC, with microseconds only where there are any."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value)
