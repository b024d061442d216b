"""The result of a challenge as a document: what the terminal, the portal and the documentation show."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from vitrine.i18n import Text
from vitrine.quality import Test
from vitrine_demo.challenge.run import Outcome
from vitrine_demo.challenge.score import Alarm, ChannelScore, Finding, kinds_in
from vitrine_simulators.faults.truth import line_of

FORMAT = "vitrine-challenge-1"


def document_of(outcome: Outcome, channels: Sequence[ChannelScore]) -> dict[str, Any]:
    """Return the whole result, ready for JSON; the same seed gives the same bytes."""
    setting, installation = outcome.setting, outcome.site.installation
    findings = [finding for channel in channels for finding in channel.findings]
    sound_days = sum(channel.sound_days for channel in channels)
    return {
        "format": FORMAT,
        "installation": installation.slug,
        "file_sha256": installation.sha256,
        "name": _text(installation.name),
        "seed": setting.seed,
        "begin": _instant(setting.begin),
        "end": _instant(setting.end),
        "at_least_s": setting.at_least_s,
        "rows": outcome.rows,
        "truth_sha256": hashlib.sha256("\n".join(map(line_of, outcome.truth)).encode()).hexdigest(),
        "total": _total(findings, channels, sound_days, (setting.end - setting.begin) / 86_400.0),
        "kinds": [_kind(kind, findings) for kind in kinds_in(channels)],
        "tests": [_test(test, findings, channels, sound_days) for test in _tests(channels)],
        "channels": [_channel(channel) for channel in channels],
    }


def _total(
    findings: Sequence[Finding], channels: Sequence[ChannelScore], sound_days: float, days: float
) -> dict[str, Any]:
    false = sum(alarm.false for channel in channels for alarm in channel.alarms)
    return {"days": round(days, 3), **_rates(findings), **_false(false, sound_days)}


def _rates(findings: Iterable[Finding]) -> dict[str, Any]:
    every = list(findings)
    visible = [finding for finding in every if finding.visible]
    delays = [finding.delay_s for finding in visible if finding.delay_s is not None]
    return {
        "faults": len(every),
        "visible": len(visible),
        "found": len(delays),
        "median_delay_s": round(statistics.median(delays), 1) if delays else None,
        "longest_delay_s": round(max(delays), 1) if delays else None,
    }


def _kind(kind: str, findings: Sequence[Finding]) -> dict[str, Any]:
    own = [finding for finding in findings if finding.fault.kind == kind]
    by_test = {
        str(test.name).lower(): sum(finding.visible and str(test.name).lower() in finding.found_by for finding in own)
        for test in Test
    }
    return {"kind": kind, **_rates(own), "by_test": {test: count for test, count in by_test.items() if count}}


def _tests(channels: Sequence[ChannelScore]) -> list[str]:
    """Return the tests that some channel declares or that flagged something, in the order of their bits."""
    seen = {test for channel in channels for alarm in channel.alarms for test in alarm.tests}
    seen |= {test for channel in channels for finding in channel.findings for test in finding.found_by}
    for channel in channels:
        seen |= set(_declared(channel))
    return [name for name in (str(test.name).lower() for test in Test) if name in seen]


def _declared(channel: ChannelScore) -> list[str]:
    rules = channel.channel.rules
    limits = {
        "gross_range": rules.gross_range_fail or rules.gross_range_suspect,
        "spike": rules.spike_suspect,
        "rate_of_change": rules.rate_of_change_suspect,
        "flat_line": rules.flat_line_suspect_s,
    }
    return [name for name, limit in limits.items() if limit is not None]


def _test(
    test: str, findings: Sequence[Finding], channels: Sequence[ChannelScore], sound_days: float
) -> dict[str, Any]:
    false = sum(alarm.false and test in alarm.tests for channel in channels for alarm in channel.alarms)
    return {
        "test": test,
        "channels": sum(test in _declared(channel) for channel in channels),
        "found": sum(finding.visible and test in finding.found_by for finding in findings),
        "alone": sum(finding.visible and set(finding.found_by) == {test} for finding in findings),
        **_false(false, sound_days),
    }


def _channel(channel: ChannelScore) -> dict[str, Any]:
    false = sum(alarm.false for alarm in channel.alarms)
    return {
        "path": channel.path,
        "name": _text(channel.channel.name),
        "unit": channel.channel.unit,
        "declared": _declared(channel),
        **_rates(channel.findings),
        **_false(false, channel.sound_days),
        "truth": [_fault(finding) for finding in channel.findings],
        "alarms": [
            {
                "begin": _instant(alarm.begin),
                "end": _instant(alarm.end),
                "tests": list(alarm.tests),
                "false": alarm.false,
            }
            for alarm in channel.alarms
        ],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    span = {"begin": _instant(alarm.begin), "end": _instant(alarm.end)}
    return {**span, "tests": list(alarm.tests), "false": alarm.false}


def _fault(finding: Finding) -> dict[str, Any]:
    fault = finding.fault
    return {
        "kind": fault.kind,
        "begin": _instant(fault.begin),
        "end": _instant(fault.end),
        "parameters": dict(sorted(fault.parameters.items())),
        "visible": finding.visible,
        "found_by": {test: round(delay, 1) for test, delay in finding.found_by.items()},
    }


def _false(count: int, days: float) -> dict[str, Any]:
    per_day = round(count / days, 3) if days else 0.0
    return {"false_alarms": count, "channel_days": round(days, 3), "false_per_day": per_day}


def _text(text: Text) -> dict[str, str]:
    return {"fr": text.fr, "en": text.en}


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
