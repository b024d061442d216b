"""The last value of each channel, with its state, and what departs from normal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vitrine.quality import Quality, names
from vitrine_api.portal.liveness import is_stale, stale_after
from vitrine_api.portal.site import Page

#: Notes above the table at most; the table has them all.
NOTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A line of the table of live values."""

    channel_id: int
    path: str
    name: str
    href: str
    #: The number as people read it, or what stands in its place.
    text: str
    unit: str
    decimals: int
    quality: int | None
    tests: int
    time: datetime | None
    stale: bool
    stale_s: float
    #: Range of normal service: the one outside which a value is suspect.
    normal: str


@dataclass(frozen=True, slots=True)
class Note:
    """What departs from normal, in words."""

    title: str
    text: str
    tone: str
    icon: str


def value_of(page: Page, slug: str, channel: Mapping[str, Any]) -> Value:
    """Prepare the last value of one channel."""
    f = page.formats
    return Value(
        channel_id=channel["channel_id"],
        path=channel["path"],
        name=page.of(channel["name"]) or channel["path"],
        href=page.url("channel", slug=slug, device=channel["device"], channel=channel["key"]),
        text=_text(page, channel),
        unit=f.unit(channel["unit"]),
        decimals=channel["decimals"],
        quality=channel["quality"],
        tests=channel["tests"] or 0,
        time=channel["time"],
        stale=is_stale(channel["time"], channel["period_s"], f.now),
        stale_s=stale_after(channel["period_s"]).total_seconds(),
        normal=normal_range(page, channel),
    )


def _text(page: Page, channel: Mapping[str, Any]) -> str:
    if channel["time"] is None:
        return page.t("live.never")
    if channel["value"] is None:
        return page.t("live.missing_at", clock=page.formats.minute(channel["time"]))
    return page.formats.number(channel["value"], channel["decimals"])


def normal_range(page: Page, channel: Mapping[str, Any]) -> str:
    """Write the range outside which a value is suspect, or failed where only that is declared; '' for none."""
    rules = channel["rules"] or {}
    bounds = rules.get("gross_range_suspect") or rules.get("gross_range_fail")
    return page.t("live.range", low=bound(page, bounds[0]), high=bound(page, bounds[1])) if bounds else ""


def bound(page: Page, limit: float) -> str:
    """Write a limit with just the decimals that it has."""
    decimals = next((digits for digits in range(6) if round(limit, digits) == limit), 6)
    return page.formats.number(limit, decimals)


def notes(page: Page, values: Sequence[Value]) -> list[Note]:
    """Say which values are suspect, failed, missing or no longer current; the gravest first."""
    known = [value for value in values if value.time is not None]
    if len(known) > 1 and all(value.stale for value in known):
        newest = max(value.time for value in known if value.time is not None)
        title = page.t("note.all_stale", since=page.formats.since(newest))
        return [Note(title, page.t("note.stale_text"), "warnbg", "late")]
    found = [note for value in values if (note := _note(page, value))]
    order = {"badbg": 0, "warnbg": 1}
    return sorted(found, key=lambda note: order[note.tone])[:NOTES]


def _note(page: Page, value: Value) -> Note | None:
    t, f = page.t, page.formats
    if value.time is None:
        return None
    if value.stale:
        title = t("note.stale", name=value.name, since=f.since(value.time))
        return Note(title, t("note.stale_text"), "warnbg", "late")
    if value.quality in (None, Quality.PASS, Quality.NOT_EVALUATED):
        return None
    tests = ", ".join(t(f"test.{name}") for name in names(value.tests)) or t("test.unknown")
    flag = t(f"flag.{value.quality}")
    title = t("note.flag", name=value.name, flag=flag)
    text = t(f"note.text_{value.quality}", tests=tests)
    return Note(title, text, "badbg" if value.quality == Quality.FAIL else "warnbg", f"q{value.quality}")
