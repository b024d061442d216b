"""What one transaction of a batch writes: measurements, what follows from them, and the evidence beside them."""

from __future__ import annotations

import psycopg

from vitrine_collector.batch import Part, Record, Refused
from vitrine_collector.evidence import Evidence, hours_of
from vitrine_collector.series_quality import note_new
from vitrine_collector.writer import Writer


def write(connection: psycopg.Connection, records: list[Record], measured: Part | None, refused: list[Refused]) -> int:
    """Write records in the caller's transaction; without `measured`, only that they were delivered.

    Return how many of the measurements were not there before.
    """
    written, evidence = 0, Evidence(connection)
    if measured is not None:
        rows, writer = measured.rows, Writer(connection)
        written = writer.write(rows)
        evidence.measured(records, rows, hours_of(rows, measured.installations))
        evidence.came_late(measured if written == len(rows) else measured[writer.is_new(rows)])
        note_new(connection, rows)
    evidence.delivered(records)
    evidence.refused(refused)
    return written
