"""Results of benchmarks: a table for people, JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """One number, and what it was measured against in the same run on the same machine."""

    name: str
    value: float
    unit: str
    #: What `ratio` compares with; "" where there is nothing to compare with.
    against: str = ""
    #: `value` divided by that of `against`; None where there is nothing to compare with.
    ratio: float | None = None


def table(results: Sequence[Result]) -> str:
    """Write results as a table."""
    head = ("name", "value", "unit", "against", "ratio")
    rows = [head, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    numeric = {1, 4}
    lines = [
        "  ".join(
            cell.rjust(width) if column in numeric else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write results as a JSON array of objects with `name, value, unit, against, ratio`."""
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")


def _cells(result: Result) -> tuple[str, ...]:
    value = f"{result.value:,.0f}" if abs(result.value) >= 100 else f"{result.value:.3g}"
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    return result.name, value, result.unit, result.against, ratio
