"""The graduated rule: one stroke a slot, its height the share of good values, its class the worst flag."""

from __future__ import annotations

from collections.abc import Sequence

from vitrine_api.portal.charts.slots import Slot, together

#: Height in percent of the stroke of a slot in which too little arrived.
STUB = 12
_CLASSES = {1: "q1", 2: "q1", 3: "q3", 4: "q4", 9: "q9"}


def strokes(slots: Sequence[Slot]) -> list[tuple[str, str]]:
    """Return (class, path) for each flag that occurs, in a drawing of 1000 by 100."""
    paths: dict[str, list[str]] = {}
    width = 1000 / max(1, len(slots))
    for place, slot in enumerate(slots):
        name = _CLASSES[slot.flag]
        height = max(STUB, round(slot.share * 100))
        paths.setdefault(name, []).append(f"M{round((place + 0.5) * width, 1):g} 100V{100 - height}")
    return [(name, "".join(parts)) for name, parts in sorted(paths.items())]


def across(columns: Sequence[Sequence[Slot]]) -> list[Slot]:
    """Join the slots of several channels place by place: share over all of them, worst flag of any."""
    return [together(slots) for slots in zip(*columns, strict=True)]
