"""What the machine tells of itself: memory, disk, temperature, supply voltage. What it does not tell is None."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: Thermal zones of processors: Raspberry Pi OS, other ARM kernels, PCs.
_PROCESSOR_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp")
#: Bits of the firmware's `get_throttled` (Raspberry Pi documentation, `vcgencmd get_throttled`).
_UNDER_VOLTAGE_NOW, _UNDER_VOLTAGE_SEEN = 1 << 0, 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine as it stands now."""

    #: Resident memory of this process, and what the machine still has for all.
    memory_bytes: int | None
    memory_available_bytes: int | None
    #: Free for this process, and in all, where the queue lies.
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    cpu_temperature_c: float | None
    #: The supply is too weak at this moment; it was since the machine started.
    under_voltage: bool | None
    under_voltage_seen: bool | None


def machine(folder: Path, root: Path = Path("/")) -> Machine:
    """Ask the machine; `folder` is where the queue lies, `root` where proc and sys are mounted."""
    free, total = _disk(folder)
    now, seen = _under_voltage(root)
    return Machine(
        memory_bytes=_resident(root),
        memory_available_bytes=_available(root),
        disk_free_bytes=free,
        disk_total_bytes=total,
        cpu_temperature_c=_temperature(root),
        under_voltage=now,
        under_voltage_seen=seen,
    )


def _disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None, None
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


def _resident(root: Path) -> int | None:
    """Return the second figure of /proc/self/statm, pages in memory (proc(5))."""
    text = _text(root / "proc/self/statm").split()
    return int(text[1]) * os.sysconf("SC_PAGE_SIZE") if len(text) > 1 else None


def _available(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _temperature(root: Path) -> float | None:
    """Return the processor's temperature: thermal zones are in thousandths of a degree (kernel, sysfs-api.rst)."""
    zones = {_text(zone / "type"): zone for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*"))}
    zone = next((zones[name] for name in _PROCESSOR_ZONES if name in zones), None)
    text = _text(zone / "temp") if zone else ""
    return int(text) / 1000 if text.lstrip("-").isdecimal() else None


def _under_voltage(root: Path) -> tuple[bool | None, bool | None]:
    """Ask the Raspberry Pi's firmware, or the kernel's driver `rpi_volt` (drivers/hwmon/raspberrypi-hwmon.c)."""
    for path in sorted((root / "sys/devices/platform").glob("soc*/soc*:firmware/get_throttled")):
        bits = _hexadecimal(_text(path))
        if bits is not None:
            return bool(bits & _UNDER_VOLTAGE_NOW), bool(bits & _UNDER_VOLTAGE_SEEN)
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _text(chip / "name") == "rpi_volt" and (alarm := _text(chip / "in0_lcrit_alarm")):
            return alarm != "0", None
    return None, None


def _hexadecimal(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _text(path: Path) -> str:
    """Return what a file of the kernel says; '' where this machine has none, or it cannot be read just now."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
