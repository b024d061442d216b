"""What may be declared of one kind of fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vitrine_simulators.faults.occurrence import Family

#: What a fault concerns: one channel, one device, the way to one device or (without a device) to the broker of the
#: uplink, or none of them (the gateway's clock and power).
Target = Literal["channel", "device", "link", "gateway"]
#: How a parameter is written: a number, a whole number, a duration (kept in seconds), a word, or the key of another
#: channel of the installation as ``device/channel``.
ParameterType = Literal["number", "integer", "duration", "word", "channel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a kind, which stands as a key in the ``[[fault]]`` itself."""

    type: ParameterType = "number"
    low: float | None = None
    high: float | None = None
    #: None: it must be declared.
    default: float | str | None = None
    #: The words that there are, for the type ``word``.
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """What may be declared of one kind."""

    family: Family
    target: Target
    parameters: Mapping[str, Parameter]
    #: Whether it happens at an instant, so that neither `for` nor `lasting` is declared.
    instant: bool = False
