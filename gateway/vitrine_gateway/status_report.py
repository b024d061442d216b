"""What a running gateway says of itself, as a technician reads it."""

from __future__ import annotations

from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table

from vitrine.i18n import Language, translate

Document = dict[str, Any]


def show(document: Document, words: Language, console: Console) -> None:
    """Print the document of `Snapshot.document`."""
    say = partial(translate, "vitrine_gateway", words)
    title = f"{document['installation']}/{document['node']}, Vitrine {document['version']}"
    console.print(title, style="bold", markup=False)
    for line in _lines(document, say):
        console.print(line, markup=False)
    console.print(_devices(document, say))


def _lines(document: Document, say: Any) -> list[str]:  # noqa: ANN401
    uplink, queue, clock, machine = (document[part] for part in ("uplink", "queue", "clock", "machine"))
    lines = [say("status.since", time=document["started"], now=document["at"])]
    state = "connected" if uplink["connected"] else "away"
    lines.append(say(f"status.{state}", broker=uplink["broker"], reason=uplink["reason"], host=uplink["host_state"]))
    age, day = queue["oldest_age_s"], queue["bytes_written_a_day"]
    lines.append(
        say(
            "status.queue",
            records=queue["records"],
            megabytes=f"{queue['bytes'] / 1e6:.1f}",
            age="0" if age is None else f"{age:.0f}",
            lost=queue["lost"],
            written=f"{queue['bytes_written_today'] / 1e6:.1f}",
            day="?" if day is None else f"{day / 1e6:.0f}",
        )
    )
    offset, error = clock["offset_ms"], clock["error_s"]
    lines.append(
        say(
            "status.clock",
            source=clock["source"],
            offset="?" if offset is None else f"{offset:.1f}",
            error="?" if error is None else f"{error:.3g}",
            steps=clock["steps"],
        )
    )
    if uplink["conflict"]:
        lines.append(f"! {uplink['conflict']}")
    lines += [f"{key}: {value}" for key, value in machine.items() if value is not None]
    return lines


def _devices(document: Document, say: Any) -> Table:  # noqa: ANN401
    table = Table(box=None)
    for column in ("device", "success", "latency", "missed", "breaker", "reason"):
        table.add_column(
            say(f"status.{column}"), justify="right" if column in ("success", "latency", "missed") else "left"
        )
    for device in document["devices"]:
        success, latency = device["success"], device["latency_s"]
        table.add_row(
            device["key"],
            "–" if success is None else f"{100 * success:.1f} %",
            "–" if latency is None else f"{1000 * latency:.0f} ms",
            str(device["missed_slots"]),
            "–" if device["breaker"] is None else say(f"status.breaker_{device['breaker']}"),
            device["failure"] or say("status.well"),
        )
    return table
