"""All kinds of faults that a file can declare, from the table of each family."""

from __future__ import annotations

from vitrine_simulators.faults.instrument_kinds import INSTRUMENT_KINDS
from vitrine_simulators.faults.kind import FaultKind

#: Name of a kind, as in a file → what may be declared of it.
KINDS: dict[str, FaultKind] = {**INSTRUMENT_KINDS}
