"""What a technician reads of a running gateway: every figure in words, in both languages."""

import io
from typing import Any

import pytest
from rich.console import Console

from vitrine.i18n import Language
from vitrine_gateway import status_report

DOCUMENT: dict[str, Any] = {
    "installation": "essai",
    "node": "pi-1",
    "version": "1.0",
    "started": "2026-11-25T08:00:00+00:00",
    "at": "2026-11-25T09:00:00+00:00",
    "uplink": {
        "connected": False,
        "broker": "b:8883",
        "reason": "refused",
        "host_state": "unknown",
        "conflict": "twin",
    },
    "queue": {
        "records": 12,
        "bytes": 3_400_000,
        "oldest_age_s": 61.2,
        "lost": 5,
        "bytes_written_today": 8_100_000,
        "bytes_written_a_day": 101_000_000.0,
    },
    "clock": {"source": "ntp", "offset_ms": -1.25, "error_s": 0.0123, "steps": 2},
    "machine": {
        "memory_bytes": 41_000_000,
        "disk_free_bytes": 7_300_000_000,
        "cpu_temperature_c": 61.4,
        "under_voltage": False,
        "under_voltage_seen": True,
    },
    "devices": [
        {
            "key": "meter",
            "success": 0.5,
            "latency_s": 0.0421,
            "missed_slots": 3,
            "breaker": "open",
            "failure": "silence",
        },
        {"key": "sensor", "success": None, "latency_s": None, "missed_slots": 0, "breaker": None, "failure": ""},
    ],
}


def shown(words: Language, document: dict[str, Any] = DOCUMENT) -> str:
    written = io.StringIO()
    status_report.show(document, words, Console(file=written, width=200))
    return written.getvalue()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("en", ("8.1 MB written today, 101 MB a day", "wrong by 0.0123 s at most, 2 steps", "processor at 61 °C",
                "was too weak since", "7.3 GB free", "left alone", "b:8883: away (refused)", "! twin")),
        ("fr", ("8,1 Mo écrits aujourd’hui, 101 Mo par jour", "fausse de 0,0123 s au plus, 2 sauts",
                "processeur à 61 °C", "a été trop faible", "7,3 Go libres", "laissé", "! twin")),
    ],
)  # fmt: skip
def test_every_figure_is_there(words: Language, told: tuple[str, ...]) -> None:
    text = shown(words).replace("\u00a0", " ")
    for one in told:
        assert one in text, text
    rows = [line.split() for line in text.splitlines() if line.split()[:1] in (["meter"], ["sensor"])]
    assert rows[0][1:6] == ["50,0" if words == "fr" else "50.0", "%", "42", "ms", "3"]
    assert rows[1][1:5] == ["–", "–", "0", "–"]


def test_what_is_not_known_is_left_out() -> None:
    unknown = {
        **DOCUMENT,
        "clock": {"source": "uncertain", "offset_ms": None, "error_s": None, "steps": 0},
        "machine": dict.fromkeys(DOCUMENT["machine"]),
        "queue": {**DOCUMENT["queue"], "oldest_age_s": None, "bytes_written_a_day": None},
    }
    text = shown("en", unknown)
    assert "Machine" not in text
    assert "? MB a day" in text
    assert "None" not in text
