"""Rules of the quality tests as they travel in births and lie in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields

from vitrine.errors import PayloadError
from vitrine.installation import QualityRules

_PAIRS = ("gross_range_fail", "gross_range_suspect")
_NAMES = {item.name for item in fields(QualityRules)}


def to_json(rules: QualityRules) -> dict[str, object]:
    """Return what is declared, ready for JSON; an empty mapping where nothing is."""
    declared = {name: value for name, value in asdict(rules).items() if value is not None}
    if rules.flat_line_suspect_s is None:
        declared.pop("flat_line_tolerance", None)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in declared.items()}


def from_json(document: Mapping[str, object]) -> QualityRules:
    """Read rules; PayloadError names the first that is unknown or no number."""
    values: dict[str, object] = {}
    for name, value in document.items():
        if name not in _NAMES:
            raise PayloadError(f"there is no quality rule “{name}”; there are {', '.join(sorted(_NAMES))}")
        if value is not None:
            values[name] = _pair(name, value) if name in _PAIRS else _number(name, value)
    return QualityRules(**values)  # type: ignore[arg-type]  # each was read with its own type just above


def declared(rules: QualityRules) -> bool:
    """Tell whether any test is asked for."""
    ranged = rules.gross_range_fail is not None or rules.gross_range_suspect is not None
    return ranged or stateful(rules)


def stateful(rules: QualityRules) -> bool:
    """Tell whether a value's flag depends on other values of its series."""
    return any(
        limit is not None for limit in (rules.spike_suspect, rules.rate_of_change_suspect, rules.flat_line_suspect_s)
    )


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PayloadError(f"the quality rule {name} is no number: {value!r}")
    return _finite(name, value)


def _pair(name: str, value: object) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise PayloadError(f"the quality rule {name} is no pair of numbers: {value!r}")
    return _number(name, value[0]), _number(name, value[1])


def _finite(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise PayloadError(f"the quality rule {name} holds a number that is too large") from error
