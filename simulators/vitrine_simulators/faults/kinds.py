"""All kinds of faults that a file can declare, from the table of each family."""

from __future__ import annotations

from vitrine_simulators.faults.instrument_kinds import INSTRUMENT_KINDS
from vitrine_simulators.faults.kind import FaultKind
from vitrine_simulators.faults.wire_kinds import WIRE_KINDS

#: Name of a kind, as in a file → what may be declared of it.
KINDS: dict[str, FaultKind] = {**INSTRUMENT_KINDS, **WIRE_KINDS}
