"""What an indicator declares beside its formula: unit, inputs, parameters; and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from vitrine.errors import Problem
from vitrine.i18n import Text
from vitrine.installation import Indicator
from vitrine.units import UNITS, nearest
from vitrine_evaluation.terms import FUNCTIONS


def mistakes_of_declarations(indicator: Indicator, units: Mapping[str, str | None]) -> list[Problem]:
    """Find what is wrong with the unit, the inputs and the parameters of an indicator."""
    return [*_unit(indicator), *_inputs(indicator, units), *_parameters(indicator), *_reserved(indicator)]


def _unit(indicator: Indicator) -> Iterator[Problem]:
    if indicator.unit not in UNITS:
        yield _unknown_unit("unit", indicator.unit)


def _inputs(indicator: Indicator, units: Mapping[str, str | None]) -> Iterator[Problem]:
    for name, path in indicator.inputs.items():
        key = f"inputs.{name}"
        if path not in units:
            close = get_close_matches(path, units, n=1, cutoff=0.4)
            hint = f"did you mean “{close[0]}”?" if close else f"one of: {', '.join(sorted(units)) or '(no channel)'}"
            yield Problem(code="unknown-channel", key=key, message=f"there is no channel “{path}”", allowed=hint)
            continue
        unit = units[path]
        if unit is not None and unit not in UNITS:
            yield _unknown_unit(key, unit)


def _parameters(indicator: Indicator) -> Iterator[Problem]:
    for name, (_, unit) in indicator.parameters.items():
        key = f"parameters.{name}"
        if unit not in UNITS:
            yield _unknown_unit(key, unit)
        if name in indicator.inputs:
            message = f"“{name}” is the name of an input too"
            yield Problem(code="repeated-name", key=key, message=message, allowed="another name")


def _reserved(indicator: Indicator) -> Iterator[Problem]:
    for table, names in (("inputs", indicator.inputs), ("parameters", indicator.parameters)):
        for name in names:
            if name in FUNCTIONS:
                yield Problem(
                    code="reserved-name",
                    key=f"{table}.{name}",
                    message=f"“{name}” is the name of a function",
                    allowed="another name",
                )


def _unknown_unit(key: str, unit: str) -> Problem:
    return Problem(code="unknown-unit", key=key, message=f"“{unit}” is not a known unit", allowed=nearest(unit))


def indicator_of(row: Mapping[str, Any]) -> Indicator:
    """Read an indicator from a row of the table, or from the same words in JSON."""
    return Indicator(
        key=row["key"],
        version=row["version"],
        name=Text(**row["name"]),
        description=Text(**row["description"]),
        formula=row["formula"],
        unit=row["unit"],
        decimals=row["decimals"],
        inputs=dict(row["inputs"]),
        parameters={name: (float(value), str(unit)) for name, (value, unit) in row["parameters"].items()},
        reference=row["reference"],
    )
