"""A machine whose clock is wrong, for one process: ``python -m vitrine_simulators.false_clock FILE MODULE ARGUMENTS``.

Runs a module, as ``python -m`` does, in this process, whose clock shows what the faults of the file make of the true
time. Neither root nor a library before the C library is needed, and the program that runs knows no such switch: time is
put in its place here, in Python, before it is loaded. The machine is a Raspberry Pi without a clock chip: its kernel
holds the clock synchronised but while a fault of the clock lasts; each boot has its own identity and counts anew.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from vitrine_simulators.faults.occurrence import Occurrence

_HOUR = 3600.0
#: Seconds that a Raspberry Pi takes from power to the first program.
_BOOT_S = 20.0
#: Bound of the error of a clock that a time server keeps, in seconds.
_ERROR_S = 0.01


@dataclass(frozen=True, slots=True)
class Machine:
    """A boot of the machine: what its clock suffers, when it began, and its identity as hexadecimal digits."""

    faults: tuple[Occurrence, ...]
    booted: float
    boot: str

    def wall(self, now: float) -> float:
        """Return what the clock shows at a true instant, in seconds since 1970 UTC."""
        return now + sum(_offset(fault, now) for fault in self.faults if fault.active(now))

    def synchronised(self, now: float) -> bool:
        """Tell whether the kernel takes its clock for right."""
        return not any(fault.active(now) for fault in self.faults)

    def write(self, path: Path) -> None:
        """Write it for the process to come."""
        document = {"faults": [asdict(fault) for fault in self.faults], "booted": self.booted, "boot": self.boot}
        path.write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Machine:
        """Read what `write` has written."""
        document = json.loads(path.read_text(encoding="utf-8"))
        faults = tuple(Occurrence(**fault) for fault in document["faults"])
        return cls(faults, float(document["booted"]), str(document["boot"]))


def _offset(fault: Occurrence, now: float) -> float:
    """Return by how much a fault puts the clock forward, in seconds."""
    if fault.kind == "clock-step":
        return fault.number("size")
    if fault.kind == "clock-drift":
        return fault.number("per_hour") * (now - fault.begin) / _HOUR
    return -fault.begin  # 1970: the clock begins anew with the fault


def put_in_place(machine: Machine) -> None:
    """Give this process the clocks of a machine; what is loaded later knows no others."""
    true_time, true_monotonic = time.time, time.monotonic
    up = true_monotonic() - _BOOT_S - (true_time() - machine.booted)

    def wall() -> float:
        return machine.wall(true_time())

    def since_boot() -> float:
        return true_monotonic() - up

    _replace(time, time=wall, time_ns=lambda: int(wall() * 1e9))
    _replace(time, monotonic=since_boot, monotonic_ns=lambda: int(since_boot() * 1e9))
    from vitrine_gateway import kernel_clock

    def kernel() -> kernel_clock.KernelClock:
        if machine.synchronised(true_time()):
            return kernel_clock.KernelClock(synchronised=True, offset_ms=0.0, max_error_s=_ERROR_S)
        return kernel_clock.KernelClock(synchronised=False, offset_ms=None)

    _replace(kernel_clock, kernel_clock=kernel, hardware_clock=lambda: False)
    _replace(kernel_clock, boot_id=lambda: bytes.fromhex(machine.boot))


def _replace(module: object, **functions: Callable[..., object]) -> None:
    for name, function in functions.items():
        setattr(module, name, function)


def main(arguments: Iterable[str]) -> None:
    """Run a module on a machine."""
    machine, module, *rest = arguments
    put_in_place(Machine.read(Path(machine)))
    sys.argv[1:] = rest
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
