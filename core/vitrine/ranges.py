"""Sets of record numbers, kept as few inclusive ranges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Ranges:
    """A set of integers as sorted, disjoint, inclusive ranges; adding a neighbour costs a binary search."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in pairs:
            self.add(first, last)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Ranges:
        """Make a set of numbers that come in any order, one or several times each."""
        found = cls()
        firsts, lasts = found._firsts, found._lasts
        for number in sorted(numbers):
            if lasts and number <= lasts[-1] + 1:
                lasts[-1] = number
            else:
                firsts.append(number)
                lasts.append(number)
        return found

    def add(self, first: int, last: int | None = None) -> None:
        """Add the numbers from `first` to `last` inclusive; `first` alone when `last` is left out."""
        last = first if last is None else last
        if last < first:
            raise ValueError(f"a range ends before it begins: {first}-{last}")
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        if low < high:
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def put(self, number: int) -> bool:
        """Add a number; return whether it was missing."""
        if self._lasts and number == self._lasts[-1] + 1:
            # What nearly every record is: the one after the last.
            self._lasts[-1] = number
            return True
        if number in self:
            return False
        self.add(number)
        return True

    def remove(self, first: int, last: int | None = None) -> None:
        """Take the numbers from `first` to `last` inclusive out, whether they are in or not."""
        last = first if last is None else last
        low = bisect_left(self._lasts, first)
        high = bisect_right(self._firsts, last)
        kept: list[tuple[int, int]] = []
        for start, end in zip(self._firsts[low:high], self._lasts[low:high], strict=True):
            if start < first:
                kept.append((start, first - 1))
            if end > last:
                kept.append((last + 1, end))
        self._firsts[low:high] = [start for start, _ in kept]
        self._lasts[low:high] = [end for _, end in kept]

    def within(self, first: int, last: int) -> Ranges:
        """Return the numbers of this set from `first` to `last` inclusive."""
        low = bisect_left(self._lasts, first)
        high = bisect_right(self._firsts, last)
        found = Ranges()
        found._firsts = [max(start, first) for start in self._firsts[low:high]]
        found._lasts = [min(end, last) for end in self._lasts[low:high]]
        return found

    def overlaps(self, first: int, last: int) -> bool:
        """Tell whether any number from `first` to `last` inclusive is in."""
        low = bisect_left(self._lasts, first)
        return low < len(self._firsts) and self._firsts[low] <= last

    @property
    def lowest(self) -> int:
        """The lowest number; IndexError where there is none."""
        return self._firsts[0]

    @property
    def highest(self) -> int:
        """The highest number; IndexError where there is none."""
        return self._lasts[-1]

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._firsts, number) - 1
        return index >= 0 and number <= self._lasts[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        """Count the numbers, not the ranges."""
        return sum(last - first + 1 for first, last in self)

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # a mutable set has no hash

    def __repr__(self) -> str:
        return f"Ranges({self})"

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self)

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Read what `str` writes, for example ``1-500,502``; ValueError where it is something else."""
        found = cls()
        for part in text.split(",") if text else ():
            first, _, last = part.partition("-")
            found.add(int(first), int(last or first))
        return found
