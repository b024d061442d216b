"""Terms of a formula: how each part is computed, in what unit, and the mistakes that joining them can show."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vitrine_evaluation.dimensions import Measure, alike, factor, measure, number, registry
from vitrine_evaluation.minutes import Floats
from vitrine_evaluation.periods import Periods

#: What a formula is computed from: the statistics of each input over the same periods.
Inputs = Mapping[str, Periods]

STATISTICS = ("mean", "integral", "increase", "change", "minimum", "maximum")
#: Those that also take an expression over inputs, which is then computed from the mean of each hour.
HOURLY = ("mean", "integral")
#: Functions of a term, beside those of an input.
MATHEMATICS = ("exp", "log10", "kelvin", "positive")
FUNCTIONS = (*STATISTICS, "hours", *MATHEMATICS)
_GREATEST_EXPONENT = 9
ALLOWED = f"+ - * / ** ( ), numbers, parameters, and {', '.join(f'{name}(…)' for name in FUNCTIONS)}"


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a formula: how it is computed, and in what; None where an input's unit is not known."""

    #: An array over the periods, or one number that spreads over them.
    run: Callable[[Inputs], Floats | np.float64]
    measure: Measure | None


class MistakeError(Exception):
    """One thing that is wrong in a formula, and the part of it that is."""

    def __init__(self, code: str, node: ast.AST | None, message: str, allowed: str = "") -> None:
        super().__init__(message)
        self.code, self.node, self.message, self.allowed = code, node, message, allowed


def constant(node: ast.Constant) -> Term:
    """Read a number."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MistakeError("not-allowed", node, "this cannot stand in a formula", ALLOWED)
    try:
        fixed = np.float64(value)
    except OverflowError:
        fixed = np.float64("inf")
    if not math.isfinite(fixed):
        raise MistakeError("too-great", node, "the number is too great", "numbers below 1e308")
    return Term(lambda _: fixed, number())


def hours(node: ast.Call) -> Term:
    """Read ``hours()``."""
    if node.args or node.keywords:
        raise MistakeError("too-many", node, "hours() takes nothing", "hours()")
    return Term(lambda inputs: next(iter(inputs.values())).hours(), Measure(registry().Unit("hour")))


def statistic(node: ast.Call, name: str, key: str, kind: Measure, scale: float, shift: float) -> Term:
    """Read a function over an input whose unit is known."""
    if name in ("increase", "change"):
        return Term(lambda inputs: inputs[key].statistic(name) * scale, Measure(kind.unit))
    if name == "integral":
        _refuse_absolute(node, kind, key)
        return Term(
            lambda inputs: inputs[key].statistic("mean") * inputs[key].hours(),
            Measure(kind.unit * registry().Unit("hour")),
        )
    return Term(lambda inputs: inputs[key].statistic(name) * scale + shift, kind)


def hour_means(key: str, kind: Measure | None, scale: float, shift: float) -> Term:
    """Read an input inside an expression that is computed hour by hour."""
    return Term(lambda inputs: inputs[key].hourly * scale + shift, kind)


def hour_by_hour(node: ast.Call, name: str, term: Term | None, hint: str) -> Term | None:
    """Read the mean or the integral of an expression over the means of each hour; None after a mistake in it.

    Hours in which an input has no usable value are left out, and count as the mean of the others.
    """
    if term is None:
        return None
    if name == "integral" and term.measure:
        _refuse_absolute(node, term.measure, hint)
    run = term.run

    def mean(inputs: Inputs) -> Floats:
        hourly = np.broadcast_to(run(inputs), next(iter(inputs.values())).hourly.shape)
        known = ~np.isnan(hourly)
        return np.asarray(np.where(known, hourly, 0.0).sum(axis=1) / known.sum(axis=1), dtype=np.float64)

    if name == "mean":
        return Term(mean, term.measure)
    kind = Measure(term.measure.unit * registry().Unit("hour")) if term.measure else None
    return Term(lambda inputs: mean(inputs) * next(iter(inputs.values())).hours(), kind)


def _refuse_absolute(node: ast.Call, kind: Measure, key: str) -> None:
    if kind.absolute:
        raise MistakeError(
            "temperature",
            node,
            "the integral of °C depends on where its zero lies",
            f"a difference first, for example (base - mean({key})) * hours()",
        )


def negated(node: ast.UnaryOp, term: Term | None) -> Term | None:
    """Read a unary minus; None after a mistake in its part."""
    if term is None:
        return None
    if term.measure and term.measure.absolute:
        raise MistakeError("temperature", node, "a temperature in °C cannot be negated", "a difference first")
    run = term.run
    return Term(lambda inputs: -run(inputs), term.measure)


def total(node: ast.BinOp, a: Term | None, b: Term | None) -> Term | None:
    """Read a sum or a difference; None after a mistake in one of its parts."""
    if a is None or b is None:
        return None
    plus = isinstance(node.op, ast.Add)
    first, second, by = a.run, b.run, 1.0
    kind = None
    if a.measure and b.measure:
        if not alike(a.measure, b.measure):
            word = "added to" if plus else "taken from"
            left, right = (a.measure, b.measure) if plus else (b.measure, a.measure)
            raise MistakeError("units-differ", node, f"{left} cannot be {word} {right}", "two terms of one dimension")
        kind, by = _sum_measure(node, a.measure, b.measure), factor(b.measure, a.measure)
    if plus:
        return Term(lambda inputs: first(inputs) + second(inputs) * by, kind)
    return Term(lambda inputs: first(inputs) - second(inputs) * by, kind)


def _sum_measure(node: ast.BinOp, a: Measure, b: Measure) -> Measure:
    """Return the measure of a sum: two temperatures in °C have a difference and no sum."""
    if isinstance(node.op, ast.Add):
        if a.absolute and b.absolute:
            raise MistakeError("temperature", node, "two temperatures in °C cannot be added", "their difference")
        return Measure(a.unit, absolute=a.absolute or b.absolute)
    if b.absolute and not a.absolute:
        raise MistakeError("temperature", node, "a temperature in °C cannot be taken from a difference")
    return Measure(a.unit, absolute=a.absolute and not b.absolute)


def product(node: ast.BinOp, a: Term | None, b: Term | None) -> Term | None:
    """Read a product or a quotient; None after a mistake in one of its parts."""
    if a is None or b is None:
        return None
    for term in (a, b):
        if term.measure and term.measure.absolute:
            raise MistakeError(
                "temperature", node, "a temperature in °C cannot be multiplied or divided", "a difference first"
            )
    first, second = a.run, b.run
    if isinstance(node.op, ast.Mult):
        kind = Measure(a.measure.unit * b.measure.unit) if a.measure and b.measure else None
        return Term(lambda inputs: first(inputs) * second(inputs), kind)
    kind = Measure(a.measure.unit / b.measure.unit) if a.measure and b.measure else None
    return Term(lambda inputs: first(inputs) / second(inputs), kind)


def power(node: ast.BinOp, base: Term | None, exponent: Term | None) -> Term | None:
    """Read a power; None after a mistake in one of its parts.

    A literal exponent raises the unit too. Any other exponent is a plain number over a plain base, or a difference of
    acidities over the base 10, as pH is the negative decimal logarithm of an activity.
    """
    if base is None or exponent is None:
        return None
    first, second = base.run, exponent.run
    fixed = _literal(node.right)
    if fixed is not None:
        kind = _raised(node, base.measure, fixed)
        return Term(lambda inputs: first(inputs) ** fixed, kind)
    if _literal(node.left) == 10 and exponent.measure and alike(exponent.measure, measure("[pH]")[0]):
        return Term(lambda inputs: 10.0 ** second(inputs), number())
    below, above = _plain(node.left, base, "a base with such an exponent"), _plain(node.right, exponent, "an exponent")
    return Term(lambda inputs: (first(inputs) * below) ** (second(inputs) * above), _known(base, exponent))


def mathematics(node: ast.Call, name: str, term: Term | None) -> Term | None:
    """Read ``exp``, ``log10``, ``kelvin`` or ``positive`` of a term; None after a mistake in it."""
    if term is None:
        return None
    run = term.run
    if name == "positive":
        if term.measure and term.measure.absolute:
            raise MistakeError("temperature", node, "positive(…) takes no temperature in °C", "a difference first")
        return Term(lambda inputs: np.maximum(run(inputs), 0.0), term.measure)
    if name == "kelvin":
        if term.measure and not term.measure.absolute:
            raise MistakeError("temperature", node, "kelvin(…) takes a temperature in °C", "kelvin(mean(temperature))")
        return Term(run, Measure(registry().Unit("kelvin")) if term.measure else None)
    by = _plain(node.args[0], term, f"{name}(…)")
    function = {"exp": np.exp, "log10": np.log10}[name]
    return Term(lambda inputs: function(run(inputs) * by), number() if term.measure else None)


def _plain(node: ast.expr, term: Term, what: str) -> float:
    """Return the factor that makes a term a plain number."""
    if term.measure is None:
        return 1.0
    if term.measure.absolute or not alike(term.measure, number()):
        raise MistakeError("units-differ", node, f"{what} takes a plain number, not {term.measure}", "a ratio")
    return factor(term.measure, number())


def _known(*terms: Term) -> Measure | None:
    return number() if all(term.measure for term in terms) else None


def _literal(node: ast.expr) -> float | None:
    """Return the value of a number that is written in the formula, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        return None if value is None else -value
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def _raised(node: ast.BinOp, base: Measure | None, exponent: float) -> Measure | None:
    if abs(exponent) > _GREATEST_EXPONENT:
        raise MistakeError("too-great", node.right, "the exponent is too great", f"at most {_GREATEST_EXPONENT}")
    if base and base.absolute:
        raise MistakeError("temperature", node, "a temperature in °C has no powers", "kelvin(…) of it")
    return Measure(registry().Unit(str(base.unit**exponent))) if base else None
