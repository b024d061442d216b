"""What a verification found: for people in both languages, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vitrine.i18n import Language, translate

#: Findings of one check that are told one by one; the rest are counted.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold, or one thing that was seen: a key of the messages and its values."""

    key: str
    values: dict[str, object]

    def text(self, language: Language, kind: str) -> str:
        """Return it as a sentence."""
        return translate("vitrine_evaluation", language, f"verify.{kind}.{self.key}", **self.values)


@dataclass(slots=True)
class Check:
    """One check of a package: it holds where it was reached and nothing was found."""

    key: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    reached: bool = True

    @property
    def holds(self) -> bool:
        """Tell whether it was reached and nothing was found."""
        return self.reached and not self.findings

    def find(self, key: str, **values: object) -> None:
        """Note what does not hold."""
        self.findings.append(Finding(key, values))

    def note(self, key: str, **values: object) -> None:
        """Note what was seen."""
        self.notes.append(Finding(key, values))

    def skip(self) -> None:
        """Note that the check could not be made."""
        self.reached = False
        self.note("not_reached")


@dataclass(slots=True)
class Report:
    """The checks of one package."""

    file: str
    checks: list[Check] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Tell whether the package holds what it states."""
        return all(check.holds for check in self.checks)

    def check(self, key: str) -> Check:
        """Begin a check."""
        found = Check(key)
        self.checks.append(found)
        return found

    def lines(self, language: Language) -> Iterator[str]:
        """Yield the report as people read it."""
        yield translate("vitrine_evaluation", language, "verify.title", file=self.file)
        for check in self.checks:
            yield f"{'✓' if check.holds else '×'} {_word(language, f'check.{check.key}')}"
            for note in check.notes:
                yield f"    {note.text(language, 'note')}"
            for finding in check.findings[:_TOLD]:
                yield f"  × {finding.text(language, 'finding')}"
            if len(check.findings) > _TOLD:
                yield f"    {_word(language, 'more', count=len(check.findings) - _TOLD)}"
        count = sum(len(check.findings) for check in self.checks)
        yield _word(language, "holds") if self.holds else _word(language, "fails", count=count)

    def json(self, language: Language) -> dict[str, Any]:
        """Return the report for machines."""
        return {
            "file": self.file,
            "holds": self.holds,
            "checks": [
                {
                    "check": check.key,
                    "holds": check.holds,
                    "reached": check.reached,
                    "notes": [note.text(language, "note") for note in check.notes],
                    "findings": [
                        {"code": finding.key, "message": finding.text(language, "finding"), **finding.values}
                        for finding in check.findings
                    ],
                }
                for check in self.checks
            ],
        }


def _word(language: Language, key: str, **values: object) -> str:
    return translate("vitrine_evaluation", language, f"verify.{key}", **values)
