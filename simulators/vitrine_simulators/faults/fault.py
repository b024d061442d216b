"""A fault as it is declared, before it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one ``[[fault]]`` declares. Either `at_s`/`since_start_s` or `per_day` says when."""

    kind: str
    #: Place in the file, from 1.
    number: int
    device: str = ""
    channel: str = ""
    #: Instant since 1970 UTC, or seconds after the start of the run; None where it comes at random.
    at_s: float | None = None
    since_start_s: float | None = None
    #: Mean number of times in a day.
    per_day: float = 0.0
    #: Shortest and longest duration in seconds; 0 and 0 where it happens at an instant.
    lasting_s: tuple[float, float] = (0.0, 0.0)
    parameters: Mapping[str, float | str] = field(default_factory=dict)
