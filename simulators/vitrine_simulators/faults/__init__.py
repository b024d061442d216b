"""Faults: declared in TOML, expanded from a seed, carried out by what they concern, and told by a truth log."""

from vitrine_simulators.faults.declaration import load_faults
from vitrine_simulators.faults.fault import Fault
from vitrine_simulators.faults.kind import FaultKind, Parameter
from vitrine_simulators.faults.kinds import KINDS
from vitrine_simulators.faults.occurrence import FAMILIES, Family, Occurrence
from vitrine_simulators.faults.schedule import Schedule, expand
from vitrine_simulators.faults.truth import TruthLog, read_truth

__all__ = [
    "FAMILIES",
    "KINDS",
    "Family",
    "Fault",
    "FaultKind",
    "Occurrence",
    "Parameter",
    "Schedule",
    "TruthLog",
    "expand",
    "load_faults",
    "read_truth",
]
