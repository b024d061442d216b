"""Gateways in words: link, queue, clock, what is awaited and what is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from vitrine_api.portal.liveness import BACKLOG, pulse
from vitrine_api.portal.site import Page

#: Clock offset from which it is told as doubtful, in milliseconds.
DRIFT_MS = 500


@dataclass(frozen=True, slots=True)
class Task:
    """Something that a person should know or do."""

    node: str
    title: str
    text: str
    action: str
    tone: str
    icon: str
    href: str


def described(page: Page, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with what its templates say."""
    # A gateway speaks with every measurement, so its silence is judged like that of a channel.
    return {
        **row,
        "pulse": pulse(row["online"], row["seen_at"], row["period_s"], page.formats.now),
        "clock_text": clock(page, row),
        "loss_text": losses(page, row),
        "answers": answers(page, row),
    }


def clock(page: Page, row: Mapping[str, Any]) -> str:
    """Say where its time comes from."""
    source = row["clock_source"]
    if source is None:
        return page.t("gateway.unknown")
    text = page.t(f"clock.{source}")
    if row["clock_offset_ms"] is not None:
        text += ", " + page.t("clock.offset", offset=page.formats.quantity(row["clock_offset_ms"], 0, "") or "0")
    return text


def losses(page: Page, row: Mapping[str, Any]) -> str:
    """Say what it reported lost."""
    if not row["losses"]:
        return page.t("gateway.lost_none")
    key = "gateway.lost_one" if row["losses"] == 1 else "gateway.lost_some"
    return page.t(key, count=page.formats.number(row["losses"]), records=page.formats.number(row["lost_records"]))


def answers(page: Page, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say how its instruments answer: those that leave something out by name, the others together, without a name."""
    f, t = page.formats, page.t
    found, steady, slowest = [], 0, 0.0
    for key, told in sorted(row["devices_health"].items()):
        success, missed = told.get("success"), told.get("missed_slots")
        words = []
        if success is not None and success < 1:
            words.append(t("gateway.answers", share=f.percent(success, 0)) if success else t("gateway.silent"))
        if told.get("breaker") not in (None, "closed"):
            words.append(t("gateway.rests"))
        if missed:
            words.append(t("gateway.missed_one" if missed == 1 else "gateway.missed_some", count=f.number(missed)))
        if words:
            found.append((key, "; ".join(words)))
        elif success is not None:
            steady, slowest = steady + 1, max(slowest, told.get("latency_ms") or 0.0)
    if steady:
        key = f"gateway.{'others' if found else 'all'}_{'answers' if steady == 1 else 'answer'}"
        within = t("gateway.within", span=f.quantity(slowest, 0, "ms")) if slowest >= 1 else ""
        found.append(("", t(key, count=f.number(steady)) + within))
    return found


def tasks(page: Page, gateway: Mapping[str, Any]) -> list[Task]:
    """Say what may lose measurements, gravest first."""
    f, t = page.formats, page.t
    link = gateway["pulse"]
    href = page.url("installation", slug=gateway["slug"])
    found = []
    if link.link in ("mute", "late", "never"):
        title = t(f"task.{link.link}", since=f.since(link.time) if link.time else "")
        known = t("task.goodbye") if not gateway["online"] and gateway["died_at"] else t("task.no_goodbye")
        text = known if link.time else t("task.never_text")
        tone, icon = ("badbg", "mute") if link.link == "mute" else ("warnbg", "late")
        found.append(Task(gateway["node"], title, text, t("task.call"), tone, icon, href))
    elif (gateway["queue_depth"] or 0) >= BACKLOG:
        oldest = timedelta(seconds=gateway["oldest_unsent_s"] or 0)
        text = t("task.backlog_text", span=f.span(oldest.total_seconds()))
        title = t("task.backlog", count=f.number(gateway["queue_depth"]))
        found.append(Task(gateway["node"], title, text, t("task.nothing"), "warnbg", "late", href))
    if gateway["clock_source"] == "uncertain" or abs(gateway["clock_offset_ms"] or 0) > DRIFT_MS:
        found.append(Task(gateway["node"], t("task.clock"), t("task.clock_text"), t("task.ntp"), "warnbg", "q3", href))
    for device, reason in (gateway["devices_failing"] or {}).items():
        title = t("task.device", device=device)
        found.append(Task(gateway["node"], title, reason, t("task.check"), "warnbg", "q4", href))
    return found
