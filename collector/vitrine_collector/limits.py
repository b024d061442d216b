"""When a batch is complete, and how patient the collector is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a batch is complete, and how patient the collector is."""

    batch_rows: int = 20_000
    batch_s: float = 0.25
    #: How long a hole in a node's sequence may last.
    reorder_s: float = 2.0
    rebirth_spread_s: float = 1.0
    rebirth_interval_s: float = 10.0
