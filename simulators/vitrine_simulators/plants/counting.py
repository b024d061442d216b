"""Numbered samples: a channel whose value grows by one each time its register is read.

With it one can follow every single sample from the register to the downloaded file: a number that is missing was lost,
a number that comes twice was written twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path


class CountingPlant:
    """Counts 1, 2, 3 … for each signal, and keeps a log of the numbers it has given."""

    def __init__(self, units: Mapping[str, str], log: Path | None = None) -> None:
        self._signals = dict(units)
        self._numbers: defaultdict[str, int] = defaultdict(int)
        self._log = log.open("a", encoding="utf-8", buffering=1) if log else None

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal, in the unit of its register: the numbers stay what they are."""
        return self._signals

    def read(self, path: str, now: float) -> float:
        """Return the next number of a signal."""
        self._numbers[path] += 1
        if self._log:
            self._log.write(f"{path} {self._numbers[path]} {now:.6f}\n")
        return float(self._numbers[path])

    def close(self) -> None:
        """Close the log."""
        if self._log:
            self._log.close()

    @staticmethod
    def served(log: Path) -> dict[str, list[int]]:
        """Return the numbers that a log says were given, of each signal, in their order."""
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for line in log.read_text(encoding="utf-8").splitlines():
            path, number, _ = line.split(" ")
            numbers[path].append(int(number))
        return dict(numbers)
