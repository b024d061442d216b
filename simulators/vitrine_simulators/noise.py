"""Noise as a pure function of (seed, stream, time): the same instant always gives the same value.

A generator with a state would make history and live signal differ; here each index is hashed on its own with the
finaliser of SplitMix64 (Steele, Lea and Flood 2014, “Fast splittable pseudorandom number generators”), whole arrays
at once.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Noise:
    """Random numbers of one seed; a `stream` is a name, streams are independent of one another."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def uniform(self, stream: str, index: Array) -> Array:
        """Return a number in [0, 1) for each whole index."""
        words = _mix(np.floor(index).astype(np.int64).view(np.uint64) * _GOLDEN + self._key(stream))
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, stream: str, index: Array) -> Array:
        """Return a standard normal number for each whole index (Box and Muller 1958)."""
        radius = np.sqrt(-2.0 * np.log(1.0 - self.uniform(stream, index)))
        angle = 2.0 * np.pi * self.uniform(f"{stream}/angle", index)
        return np.asarray(radius * np.cos(angle), dtype=np.float64)

    def smooth(self, stream: str, time: Array, period_s: float) -> Array:
        """Return a continuous signal of mean 0, deviation about 0.6, that forgets itself after a period."""
        position = time / period_s
        low = np.floor(position)
        share = position - low
        weight = share * share * (3.0 - 2.0 * share)
        left, right = self._neighbours(stream, low)
        return np.asarray(left + weight * (right - left), dtype=np.float64)

    def _neighbours(self, stream: str, low: Array) -> tuple[Array, Array]:
        """Return the normal numbers of some indices and of the next ones; each once where many indices are alike."""
        first = float(low.min(initial=np.inf))
        count = float(low.max(initial=-np.inf)) - first + 2.0
        if not count < len(low):
            return self.normal(stream, low), self.normal(stream, low + 1.0)
        knots = self.normal(stream, first + np.arange(count))
        at = (low - first).astype(np.intp)
        return knots[at], knots[at + 1]

    def _key(self, stream: str) -> np.uint64:
        return np.uint64((zlib.crc32(stream.encode()) << 32 | (self._seed & 0xFFFFFFFF)) & 0xFFFFFFFFFFFFFFFF)


def _mix(words: _Words) -> _Words:
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
