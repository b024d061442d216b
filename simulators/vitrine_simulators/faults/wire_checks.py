"""Which fault fits which connection."""

from __future__ import annotations

from vitrine.installation import SERIAL_TRANSPORTS, Connection
from vitrine.table_reader import TableReader
from vitrine_simulators.faults.fault import Fault
from vitrine_simulators.faults.kinds import KINDS

#: Transports whose frames have a check sum, and those of which there may be several connections.
_CHECKED = ("rtu", "rtu_over_tcp", "ascii", "ascii_over_tcp")
_CONNECTED = ("tcp", "rtu_over_tcp", "ascii_over_tcp")


def check(table: TableReader, fault: Fault, connection: Connection) -> None:
    """Note a fault that a device's connection cannot have, and registers that are none."""
    kind, transport = fault.kind, connection.transport
    if kind == "illegal-addresses" and fault.parameters["first"] > fault.parameters["last"]:  # type: ignore[operator]  # numbers, by their table
        table.note("not-a-range", "last", "the last register lies before the first", "an address from `first` on")
    wrong, allowed = "", ""
    if KINDS[kind].family == "bus" and transport == "mqtt":
        wrong, allowed = "publishes over MQTT and is asked nothing", "a Modbus device"
    elif kind == "wrong-check-sum" and transport not in _CHECKED:
        wrong, allowed = f"is reached by {transport}, whose frames have no check sum", ", ".join(_CHECKED)
    elif kind == "one-connection" and transport not in _CONNECTED:
        wrong, allowed = f"is reached by {transport}, which has no connections", ", ".join(_CONNECTED)
    elif KINDS[kind].family == "network" and transport == "udp":
        wrong, allowed = "is reached by udp, whose datagrams nobody holds back here", "a device on a TCP connection"
    elif KINDS[kind].family == "network" and transport in SERIAL_TRANSPORTS:
        wrong, allowed = "is on a serial line, which is no network", "a fault of the bus, for example no-answer"
    if wrong:
        table.note("does-not-fit", "kind", f"the device {wrong}", allowed)
