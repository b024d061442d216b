"""Faults of instruments; `vitrine_simulators.faults.instrument` says what each does to a value.

Sizes are in the unit in which the site shows the channel.
"""

from __future__ import annotations

from vitrine_simulators.faults.kind import FaultKind, Parameter, Target


def _kind(*, instant: bool = False, target: Target = "channel", **parameters: Parameter) -> FaultKind:
    return FaultKind(family="instrument", target=target, parameters=parameters, instant=instant)


_SIZE = Parameter()
_POSITIVE = Parameter(low=0.0)

INSTRUMENT_KINDS: dict[str, FaultKind] = {
    "stuck": _kind(),
    "drift": _kind(per_hour=_SIZE),
    "spike": _kind(size=_SIZE),
    "noise": _kind(deviation=_POSITIVE),
    "offset-after-cleaning": _kind(size=_SIZE),
    "clipped-range": _kind(lowest=_SIZE, highest=_SIZE),
    "swapped": _kind(other=Parameter(type="channel")),
    "wrong-scale": _kind(factor=Parameter(default=10.0)),
    "counter-reset": _kind(instant=True),
    "counter-rollover": _kind(modulus=Parameter(low=1e-9)),
    "sentinel": _kind(),
    "warm-up": _kind(size=_SIZE, time_constant=Parameter(type="duration", default=600.0)),
}
