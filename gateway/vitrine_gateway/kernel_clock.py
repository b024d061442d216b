"""Whether the kernel holds its clock synchronised, asked with adjtimex(2); nothing is changed."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_STATUS_NANOSECONDS = 0x2000
#: The kernel's bound of error grows by 500 ppm, is set back by whoever synchronises, and jumps to this limit
#: (NTP_PHASE_LIMIT) when another program sets the clock. Unlike the flag STA_UNSYNC, it is right with a chrony without
#: `rtcsync` too.
_LARGEST_ERROR_US = 16_000_000
#: Earlier than the first Vitrine: the clock was never set.
EARLIEST = 1_767_225_600.0


class _Timex(ctypes.Structure):
    """Linux's struct timex; only the head of it is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


@dataclass(frozen=True, slots=True)
class KernelClock:
    """What the kernel says of its clock."""

    synchronised: bool
    #: What is still to be corrected, in milliseconds; None where it is not known.
    offset_ms: float | None
    #: The kernel's bound of its error, in seconds.
    max_error_s: float = 0.0


def kernel_clock() -> KernelClock:
    """Ask the kernel; a kernel that cannot be asked counts as not synchronised."""
    call = _adjtimex()
    if call is None:
        return KernelClock(synchronised=False, offset_ms=None)
    timex = _Timex(modes=0)
    if call(ctypes.byref(timex)) < 0 or timex.maxerror >= _LARGEST_ERROR_US:
        return KernelClock(synchronised=False, offset_ms=None)
    unit = 1e6 if timex.status & _STATUS_NANOSECONDS else 1e3
    return KernelClock(synchronised=True, offset_ms=timex.offset / unit, max_error_s=timex.maxerror / 1e6)


@cache
def hardware_clock() -> bool:
    """Tell whether the machine keeps time while it is off: a clock chip, or a PC, which always has one."""
    chips = Path("/sys/class/rtc")
    return platform.machine() in ("x86_64", "i686") or (chips.is_dir() and any(chips.iterdir()))


@cache
def boot_id() -> bytes:
    """Return the identity of this run of the kernel, 16 bytes."""
    text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    return bytes.fromhex(text.strip().replace("-", ""))


@cache
def _adjtimex() -> ctypes._NamedFuncPointer | None:
    library = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6", use_errno=True)
    return getattr(library, "adjtimex", None)
