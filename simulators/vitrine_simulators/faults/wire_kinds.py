"""Faults between instruments and platform: of the bus, of the network, of the gateway's clock and of its power."""

from __future__ import annotations

from vitrine_simulators.faults.kind import FaultKind, Parameter

_LAST_ADDRESS = 65_535


def _bus(**parameters: Parameter) -> FaultKind:
    return FaultKind(family="bus", target="device", parameters=parameters)


def _network(**parameters: Parameter) -> FaultKind:
    how = Parameter(type="word", words=("silent", "reset"), default="silent")
    return FaultKind(family="network", target="link", parameters={**parameters, "how": how})


def _clock(**parameters: Parameter) -> FaultKind:
    return FaultKind(family="clock", target="gateway", parameters=parameters)


def _power() -> FaultKind:
    return FaultKind(family="power", target="gateway", parameters={})


#: `vitrine_simulators.faults.bus` says what each does to an answer.
BUS_KINDS: dict[str, FaultKind] = {
    "no-answer": _bus(),
    "late-answer": _bus(delay=Parameter(type="duration", default=2.0)),
    "wrong-function": _bus(),
    "wrong-length": _bus(),
    "wrong-unit": _bus(),
    "exception": _bus(code=Parameter(type="integer", low=1, high=11)),
    "truncated": _bus(),
    "wrong-check-sum": _bus(),
    "illegal-addresses": _bus(
        first=Parameter(type="integer", low=0, high=_LAST_ADDRESS),
        last=Parameter(type="integer", low=0, high=_LAST_ADDRESS),
    ),
    "one-connection": _bus(),
    "slow": _bus(byte_time=Parameter(type="duration", default=0.01)),
}
NETWORK_KINDS: dict[str, FaultKind] = {
    "cut": _network(),
    "flapping": _network(period=Parameter(type="duration", default=10.0)),
    "delay": FaultKind(family="network", target="link", parameters={"delay": Parameter(type="duration", default=1.0)}),
}
CLOCK_KINDS: dict[str, FaultKind] = {
    "clock-step": _clock(size=Parameter()),
    "clock-drift": _clock(per_hour=Parameter()),
    "clock-1970": _clock(),
}
POWER_KINDS: dict[str, FaultKind] = {"power-cut": _power(), "killed": _power()}
WIRE_KINDS: dict[str, FaultKind] = {**BUS_KINDS, **NETWORK_KINDS, **CLOCK_KINDS, **POWER_KINDS}
