"""How much a queue may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a queue on disk."""

    max_bytes: int
    #: Seconds after which a record is dropped; None: never.
    max_age_s: float | None = None
    #: Bytes of the disk left to others.
    keep_free: int = 0

    def too_large(self, size: int) -> bool:
        """Tell whether a queue of so many bytes is larger than it may be; the disk is not asked."""
        return size > self.max_bytes

    def exceeded(self, size: int, folder: Path) -> bool:
        """Tell whether a queue of so many bytes in this folder is too large."""
        return self.too_large(size) or (self.keep_free > 0 and _free(folder) < self.keep_free)


def _free(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
