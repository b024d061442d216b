"""Thirty days of history behind the live signal: from the same models, through the collector's writer, newest first.

It is written once. A stop of the demo leaves a gap, as it does at a real site, and nobody fills it afterwards.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import psycopg

from vitrine.installation import Installation, QualityRules
from vitrine_collector.arrival import Arrival
from vitrine_collector.writer import Rows, Writer
from vitrine_database.connection import connect
from vitrine_database.queries import Queries
from vitrine_quality.rules import from_json
from vitrine_simulators import binding
from vitrine_simulators.noise import Array

DAYS = 30
STEP_S = 60.0
#: Written at a time; small enough that the newest days show soon.
_PART_S = 86_400.0
_SQL = Queries("vitrine_demo", "queries.sql")


@dataclass(slots=True)
class _Past:
    """The history of one installation, and how much of it is written."""

    slug: str
    installation_id: int
    channels: dict[str, int]
    rules: dict[str, QualityRules]
    times: Array
    #: Computed beside the writing of another installation.
    values: Future[dict[str, Array]]
    #: Instants from this position on are written.
    written: int


class History:
    """Fills the past of some installations."""

    def __init__(self, url: str, installations: list[Installation], seed: int, state: Path, stop: Event) -> None:
        self._url, self._installations, self._seed = url, installations, seed
        self._state, self._stop = state, stop
        #: Seconds that writing took, the wait for the first live measurement not counted.
        self.seconds = 0.0
        self._done: dict[str, dict[str, float]] = (
            json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
        )

    @property
    def finished(self) -> bool:
        """Tell whether every installation has its whole past."""
        return all(self._done.get(one.slug, {}).get("left") == 0 for one in self._installations)

    def fill(self, progress: Callable[[float, int], None]) -> int:
        """Write what is missing and return the number of measurements written; `progress` gets share and rows."""
        with connect(self._url, name="vitrine demo history") as connection:
            found = self._wait(connection)
            begin = time.monotonic()
            with ThreadPoolExecutor(max_workers=1) as models:
                pasts = [self._prepare(connection, one, models) for one in found]
                rows = self._write(connection, pasts, progress)
                models.shutdown(cancel_futures=True)
            self.seconds = time.monotonic() - begin
        return rows

    def _write(self, connection: psycopg.Connection, pasts: list[_Past], progress: Callable[[float, int], None]) -> int:
        """Write part after part, the newest first, of the installations whose models are computed before the others."""
        total = sum(past.written * len(past.channels) for past in pasts)
        rows = 0
        while not self._stop.is_set() and (left := [past for past in pasts if past.written]):
            rows += self._write_part(connection, min(left, key=lambda one: (not one.values.done(), -one.written)))
            progress(rows / max(total, 1), rows)
        return rows

    def _wait(self, connection: psycopg.Connection) -> list[Installation]:
        """Wait until every channel of an installation has a live measurement, to which the past is joined."""
        found: list[Installation] = []
        waiting = [one for one in self._installations if self._done.get(one.slug, {}).get("left") != 0]
        while waiting and not self._stop.is_set():
            for one in list(waiting):
                expected = {f"{bound.device.key}/{key}" for bound in self._bound(one) for key in bound.to_profile}
                live = {row["path"] for row in _rows(connection, one.slug) if row["first"] is not None}
                if expected <= live or one.slug in self._done:
                    waiting.remove(one)
                    found.append(one)
            if waiting:
                self._stop.wait(0.5)
        return found

    def _bound(self, installation: Installation) -> list[binding.Bound]:
        return binding.bind(installation, binding.plant_of(installation, self._seed).signals)

    def _prepare(self, connection: psycopg.Connection, one: Installation, models: ThreadPoolExecutor) -> _Past:
        rows = _rows(connection, one.slug)
        state = self._done.get(one.slug)
        if state is None:
            # Half past each minute: on whole minutes no instant would ever fall into a backwash
            oldest = min(row["first"].timestamp() for row in rows if row["first"] is not None)
            end = np.floor(oldest / STEP_S) * STEP_S
            state = {"start": end - DAYS * 86_400.0 + STEP_S / 2.0, "end": end}
        times = binding.instants(state["start"], state["end"], STEP_S)
        plant = binding.plant_of(one, self._seed)
        values = models.submit(binding.history, one, plant, state["start"], state["end"], STEP_S)
        channels = {row["path"]: row["channel_id"] for row in rows if row["path"] in plant.signals}
        rules = {row["path"]: from_json(row["rules"]) for row in rows}
        state.setdefault("left", float(len(times)))
        self._done[one.slug] = state
        return _Past(one.slug, rows[0]["installation_id"], channels, rules, times, values, int(state["left"]))

    def _write_part(self, connection: psycopg.Connection, past: _Past) -> int:
        """Write the newest part that is missing and remember it."""
        part = slice(max(past.written - int(_PART_S / STEP_S), 0), past.written)
        if part.start == part.stop:
            return 0
        rows = _judged(past, part)
        hours = {"first": past.times[part.start], "last": past.times[part.stop - 1]}
        with connection.transaction():
            Writer(connection).write(rows)
            connection.execute(_SQL["mark_hours"], {"installation_id": past.installation_id, **hours})
        past.written = part.start
        self._done[past.slug]["left"] = float(part.start)
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(self._done), encoding="utf-8")
        draft.replace(self._state)
        return len(rows)


def _rows(connection: psycopg.Connection, slug: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        return cursor.execute(_SQL["channels"], {"slug": slug}).fetchall()


def _judged(past: _Past, part: slice) -> Rows:
    """Return the measurements of a part with the flags that the collector would have given them."""
    arrival = Arrival()
    for path, channel_id in past.channels.items():
        arrival.learn(channel_id, past.rules[path])
    instants = np.round(past.times[part] * 1e6).astype(np.int64)
    channels = np.repeat(np.array(list(past.channels.values()), dtype=np.int32), len(instants))
    computed = past.values.result()
    values = np.concatenate([computed[path][part] for path in past.channels])
    quality, tests = arrival.judge(channels, values, np.zeros(len(values), dtype=np.int16))
    return Rows(np.tile(instants, len(past.channels)), channels, values, quality, tests)
