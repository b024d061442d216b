"""Words and numbers of a result, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vitrine.i18n import Language, translate

_PACKAGE = "vitrine_demo"
_NBSP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Words:
    """Writes what people read."""

    language: Language

    def t(self, key: str, **values: object) -> str:
        """Return one message of the challenge."""
        return translate(_PACKAGE, self.language, f"challenge.{key}", **values)

    def of(self, text: Mapping[str, str]) -> str:
        """Return this language of a text in both."""
        return text[self.language]

    def kind(self, kind: str) -> str:
        """Return the name of a kind of fault; a kind without one keeps its key."""
        return self.t(f"kind.{kind}")

    def test(self, test: str) -> str:
        """Return the name of a quality test."""
        return self.t(f"test.{test}")

    def number(self, value: float, decimals: int) -> str:
        """Write a number with the decimal mark of the language."""
        text = f"{value:.{decimals}f}"
        return text.replace(".", ",") if self.language == "fr" else text

    def percent(self, part: int, whole: int) -> str:
        """Write a share; '' of nothing."""
        if not whole:
            return ""
        return f"{round(100 * part / whole)}" + (f"{_NBSP}%" if self.language == "fr" else "%")

    def share(self, row: Mapping[str, Any]) -> str:
        """Write how many of the visible faults were found."""
        return f"{row['found']} ({self.percent(row['found'], row['visible'])})" if row["visible"] else "0"

    def delay(self, row: Mapping[str, Any]) -> str:
        """Write the median delay; '' where nothing was found."""
        seconds = row["median_delay_s"]
        if seconds is None:
            return ""
        if seconds < 120:
            return f"{seconds:.0f}{_NBSP}s"
        return f"{seconds / 60:.0f}{_NBSP}min" if seconds < 7200 else f"{self.number(seconds / 3600, 1)}{_NBSP}h"

    def summary(self, result: Mapping[str, Any]) -> str:
        """Say the whole in one line."""
        total = result["total"]
        return self.t(
            "summary",
            seed=result["seed"],
            begin=result["begin"][:10],
            days=self.number((total["days"]), 0) if total["days"] >= 1 else self.number(total["days"], 2),
            every=f"{result['at_least_s']:g}",
            visible=total["visible"],
            hidden=total["faults"] - total["visible"],
            found=total["found"],
            share=self.percent(total["found"], total["visible"]),
            false=total["false_alarms"],
            rate=self.number(total["false_per_day"], 2),
        )
