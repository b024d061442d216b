"""Counts of flags by channel, and the share that is not usable as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vitrine_api.portal.charts.slots import Series, Slot
from vitrine_api.portal.site import Page

#: Share at which the bars end.
FULL = 0.1


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a bar, in percent of the drawing."""

    css: str
    x: float
    width: float
    y: int
    height: int


@dataclass(frozen=True, slots=True)
class Row:
    """One channel."""

    name: str
    slot: Slot
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Table:
    """Flags of all channels over one window."""

    title: str
    caption: str
    rows: list[Row]
    first: bool


def quality_table(
    page: Page, channels: Sequence[Mapping[str, Any]], series: Mapping[int, Series], key: str, *, first: bool
) -> Table:
    """Prepare the table of one window."""
    rows = []
    for channel in channels:
        slot = series[channel["channel_id"]].total()
        rows.append(Row(page.of(channel["name"]) or channel["path"], slot, bars(slot)))
    return Table(page.t(f"quality.{key}"), page.t(f"quality.caption_{key}"), rows, first)


def bars(slot: Slot) -> list[Bar]:
    """Draw suspect and failed values as share of those that arrived, then the share of time that is not covered."""
    arrived = slot.good + slot.suspect + slot.fail + slot.missing
    covered = 1.0 if not slot.expected else slot.share
    suspect = slot.suspect / arrived * covered if arrived else 0.0
    fail = slot.fail / arrived * covered if arrived else 0.0
    shares = (("q-sus", suspect, 25, 50), ("q-fail", fail, 5, 90), ("q-miss", 1.0 - covered, 25, 50))
    pieces: list[Bar] = []
    x = 0.2
    for css, share, y, height in shares:
        width = min(99.6 - x, round(share / FULL * 100, 1))
        if share > 0 and width > 0:
            width = max(0.6, width)
            pieces.append(Bar(css, round(x, 1), round(width, 1), y, height))
            x += width
    return pieces
