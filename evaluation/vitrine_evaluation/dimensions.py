"""Units in formulas: what may be added to what, and the factor between two units.

pint does the algebra. Three kinds of quantity have a dimension of their own, though SI knows none, because mixing them
is a mistake that should be found: turbidity, acidity, and apparent and reactive power beside active power.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from threading import Lock

import pint

from vitrine.units import UNITS

_OWN = (
    "turbidity_unit = [turbidity] = NTU",
    "acidity_unit = [acidity] = pH",
    "volt_ampere_reactive = [reactive_power] = var",
    "apparent_volt_ampere = [apparent_power] = VA",
)
_ONE = Lock()
#: pint counts the volt-ampere as a watt; here it is the unit of apparent power.
_RENAMED = {"volt_ampere": "apparent_volt_ampere", "kilovolt_ampere": "kiloapparent_volt_ampere"}


@dataclass(frozen=True, slots=True)
class Measure:
    """The unit of a term; `absolute` for a temperature that has a zero of its own (°C), computed in kelvins."""

    unit: pint.Unit
    absolute: bool = False

    def __str__(self) -> str:
        return "°C" if self.absolute else f"{self.unit:~P}" or "a plain number"


def registry() -> pint.UnitRegistry[float]:
    """Return pint's units with ours beside them: one registry for all threads, as units of two do not mix."""
    with _ONE:
        return _registry()


@cache
def _registry() -> pint.UnitRegistry[float]:
    found: pint.UnitRegistry[float] = pint.UnitRegistry(on_redefinition="ignore")
    for definition in _OWN:
        found.define(definition)
    return found


def number() -> Measure:
    """Return the measure of a plain number."""
    return Measure(registry().Unit("dimensionless"))


@cache
def measure(code: str) -> tuple[Measure, float, float]:
    """Return (measure, scale, shift) of a UCUM code: ``value in the measure = value × scale + shift``."""
    unit = UNITS[code]
    if unit.offset:
        return Measure(registry().Unit("kelvin"), absolute=True), unit.factor, unit.offset
    parts = "*".join(_RENAMED.get(part, part) for part in unit.pint.split("*"))
    return Measure(registry().Unit(parts)), 1.0, 0.0


def alike(a: Measure, b: Measure) -> bool:
    """Tell whether one converts to the other."""
    return bool(a.unit.is_compatible_with(b.unit))


def factor(source: Measure, target: Measure) -> float:
    """Return by what to multiply a value in `source` to have it in `target`."""
    if source.unit == target.unit:
        return 1.0
    return float(registry().convert(1.0, source.unit, target.unit))
