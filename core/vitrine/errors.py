"""Errors of Vitrine, and the problem that each one tells.

VitrineError
├── InstallationError   an installation file or a device profile has mistakes (all of them at once)
├── PayloadError        a message cannot be read
├── ConfigurationError  a setting, a service or a right is missing at start
└── DatasetError        a dataset cannot be built, or a package does not hold what it states

Every error has a stable `code`, the same in both languages and in the documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: what, where, why, and what would be right."""

    #: Stable, language-free identity, for example ``unknown-key``.
    code: str
    #: What is wrong and why, one sentence.
    message: str
    #: File, request or device that holds the mistake.
    where: str = ""
    #: Line in the file, counted from 1; 0 where there is none.
    line: int = 0
    #: Dotted key, for example ``device[2].connection.port``.
    key: str = ""
    #: What would be right, for example ``one of: tcp, rtu, mqtt``.
    allowed: str = ""

    def __str__(self) -> str:
        place = self.where + (f":{self.line}" if self.line else "")
        parts = [part for part in (place, self.key) if part]
        text = f"{': '.join(parts)}: {self.message}" if parts else self.message
        return f"{text} ({self.allowed})" if self.allowed else text


class VitrineError(Exception):
    """Something that a person can put right; it says how."""

    code = "vitrine-error"

    def __init__(self, message: str, *, hint: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        #: What to do about it.
        self.hint = hint
        #: Every single mistake, where there are several.
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  {problem}" for problem in self.problems)])


class InstallationError(VitrineError):
    """An installation file or a device profile has mistakes."""

    code = "installation-invalid"


class PayloadError(VitrineError):
    """A message cannot be read."""

    code = "payload-invalid"


class ConfigurationError(VitrineError):
    """A setting, a service or a right is missing."""

    code = "configuration"


class DatasetError(VitrineError):
    """A dataset cannot be built, or a package does not hold what it states."""

    code = "dataset"
