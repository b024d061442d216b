"""What a running gateway says of itself, as a technician reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate

Document = dict[str, Any]
_COLUMNS = ("device", "success", "latency", "missed", "breaker", "reason")


@dataclass(frozen=True, slots=True)
class _Words:
    """Texts and figures in one language."""

    language: Language

    def say(self, key: str, **values: object) -> str:
        return translate("vitrine_gateway", self.language, f"status.{key}", **values)

    def figure(self, value: float | None, form: str, unknown: str = "?") -> str:
        if value is None:
            return unknown
        text = format(value, form)
        return text.replace(".", ",") if self.language == "fr" else text


def show(document: Document, words: Language, console: Console) -> None:
    """Print the document of `Snapshot.document`."""
    title = f"{document['installation']}/{document['node']}, Vitrine {document['version']}"
    console.print(title, style="bold", markup=False)
    for line in _lines(document, _Words(words)):
        console.print(line, markup=False)
    console.print(_devices(document, _Words(words)))


def _lines(document: Document, words: _Words) -> list[str]:
    uplink = document["uplink"]
    state = "connected" if uplink["connected"] else "away"
    lines = [
        words.say("since", time=document["started"], now=document["at"]),
        words.say(state, broker=uplink["broker"], reason=uplink["reason"], host=uplink["host_state"]),
        _queue(document["queue"], words),
        _clock(document["clock"], words),
    ]
    if uplink["conflict"]:
        lines.append(f"! {uplink['conflict']}")
    if told := _machine(document["machine"], words):
        lines.append(words.say("machine", told="; ".join(told)))
    return lines


def _queue(queue: Document, words: _Words) -> str:
    day = queue["bytes_written_a_day"]
    return words.say(
        "queue",
        records=queue["records"],
        megabytes=words.figure(queue["bytes"] / 1e6, ".1f"),
        age=words.figure(queue["oldest_age_s"] or 0, ".0f"),
        lost=queue["lost"],
        written=words.figure(queue["bytes_written_today"] / 1e6, ".1f"),
        day=words.figure(None if day is None else day / 1e6, ".0f"),
    )


def _clock(clock: Document, words: _Words) -> str:
    return words.say(
        "clock",
        source=clock["source"],
        offset=words.figure(clock["offset_ms"], ".1f"),
        error=words.figure(clock["error_s"], ".3g"),
        steps=clock["steps"],
    )


def _machine(machine: Document, words: _Words) -> list[str]:
    """Return what is known of the machine, each in words."""
    told = []
    if (memory := machine["memory_bytes"]) is not None:
        told.append(words.say("memory", megabytes=words.figure(memory / 1e6, ".0f")))
    if (free := machine["disk_free_bytes"]) is not None:
        told.append(words.say("disk", gigabytes=words.figure(free / 1e9, ".1f")))
    if (temperature := machine["cpu_temperature_c"]) is not None:
        told.append(words.say("temperature", degrees=words.figure(temperature, ".0f")))
    if machine["under_voltage"]:
        told.append(words.say("weak"))
    elif machine["under_voltage_seen"]:
        told.append(words.say("was_weak"))
    return told


def _devices(document: Document, words: _Words) -> Table:
    table = Table(box=None)
    for column in _COLUMNS:
        right = column in ("success", "latency", "missed")
        table.add_column(words.say(column), justify="right" if right else "left")
    for device in document["devices"]:
        success, latency, breaker = device["success"], device["latency_s"], device["breaker"]
        table.add_row(
            device["key"],
            "–" if success is None else f"{words.figure(100 * success, '.1f')} %",
            "–" if latency is None else f"{words.figure(1000 * latency, '.0f')} ms",
            str(device["missed_slots"]),
            "–" if breaker is None else words.say(f"breaker_{breaker}"),
            device["failure"] or words.say("well"),
        )
    return table
