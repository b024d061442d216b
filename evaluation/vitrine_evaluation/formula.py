"""Formulas of indicators: arithmetic over channels, checked with their units when they are defined.

A formula knows ``+ - * / **``, numbers, parentheses, the names of its parameters, and these functions, each over the
name of one input and for one period (hour or day):

``mean(x)``      mean of the minutes that have usable values
``integral(x)``  mean × length of the period; a flow becomes a volume, a power an energy
``increase(x)``  what a counter advanced by; a counter that begins anew at zero is followed
``change(x)``    last value less that of the beginning, of what rises and falls, as a charge
``minimum(x)``, ``maximum(x)``  smallest and greatest usable value
``hours()``      length of the period

``mean`` and ``integral`` also take arithmetic over several inputs, for example ``integral(flow * load)`` or
``mean(irradiance * (1 + gamma * (module - reference)))``: it is computed from the mean of each hour.

These are over any part: ``exp(…)`` and ``log10(…)`` of a plain number, ``kelvin(…)`` of a temperature in °C, which may
then be multiplied, and ``positive(…)``, which is zero where its part is below zero. ``a ** b`` takes a literal
exponent, or a plain number over a plain base, or ``10 ** (pK - pH)``.

The result is converted to the indicator's unit, so a ratio with the unit ``%`` needs no factor 100.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from vitrine.errors import Problem
from vitrine.installation import Indicator
from vitrine.units import UNITS
from vitrine_evaluation.declarations import mistakes_of_declarations
from vitrine_evaluation.dimensions import Measure, alike, factor, measure
from vitrine_evaluation.minutes import Floats
from vitrine_evaluation.terms import (
    ALLOWED,
    FUNCTIONS,
    HOURLY,
    MATHEMATICS,
    STATISTICS,
    Inputs,
    MistakeError,
    Term,
    constant,
    hour_by_hour,
    hour_means,
    hours,
    mathematics,
    negated,
    power,
    product,
    statistic,
    total,
)

_LONGEST = 500
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula whose units are right."""

    indicator: Indicator
    _run: Callable[[Inputs], Floats | np.float64]

    def __call__(self, inputs: Inputs) -> Floats:
        """Compute the value of each period, in the indicator's unit; NaN where it is not defined."""
        with np.errstate(all="ignore"):
            values = np.asarray(self._run(inputs), dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)


def examine(indicator: Indicator, units: Mapping[str, str | None]) -> tuple[Formula | None, list[Problem]]:
    """Return the formula ready to compute, or what is wrong with it.

    `units` gives the unit of each channel (``device/channel``) there is; None for one whose unit is not known yet,
    which is then not checked. Each problem has the dotted key inside the indicator.
    """
    problems = mistakes_of_declarations(indicator, units)
    if problems:
        return None, problems
    reader = _Reader(indicator, units)
    try:
        term = reader.result()
    except MistakeError as mistake:
        reader.mistakes.append(mistake)
        term = None
    problems = [_problem(indicator.formula, mistake) for mistake in reader.mistakes]
    if term is None or problems:
        return None, problems
    return Formula(indicator, term.run), []


def _problem(formula: str, mistake: MistakeError) -> Problem:
    node = mistake.node
    place = ""
    if isinstance(node, ast.expr):
        # ast counts UTF-8 bytes; people count characters.
        at = len(formula.encode()[: node.col_offset].decode(errors="ignore")) + 1
        part = ast.get_source_segment(formula, node) or ""
        place = f"at character {at}, “{part}”: " if part != formula else ""
    return Problem(code=mistake.code, key="formula", message=f"{place}{mistake.message}", allowed=mistake.allowed)


class _Reader:
    """Turns the syntax tree into terms, noting every mistake that does not hide another."""

    def __init__(self, indicator: Indicator, units: Mapping[str, str | None]) -> None:
        self._indicator = indicator
        self._units = units
        self._depth = 0
        #: The function whose expression is being read, which is computed hour by hour.
        self._within = ""
        self.mistakes: list[MistakeError] = []

    def result(self) -> Term | None:
        """Read the whole formula and convert its result to the indicator's unit."""
        body = _parse(self._indicator.formula)
        term = self._read(body)
        used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
        for name in sorted({*self._indicator.inputs, *self._indicator.parameters} - used):
            self.mistakes.append(MistakeError("unused-name", None, f"“{name}” is declared and not used"))
        if not self.mistakes and not self._indicator.inputs:
            raise MistakeError("no-input", body, "no channel is measured by this formula", "at least one input")
        if term is None or self.mistakes:
            return None
        return self._converted(term, body)

    def _read(self, node: ast.expr) -> Term | None:
        """Read one part; None after a mistake inside it, which is noted."""
        self._depth += 1
        try:
            return self._part(node)
        except MistakeError as mistake:
            self.mistakes.append(mistake)
            return None
        finally:
            self._depth -= 1

    def _part(self, node: ast.expr) -> Term | None:
        if self._depth > _DEEPEST:
            raise MistakeError("too-deep", node, "the formula is nested too deep", f"at most {_DEEPEST} levels")
        match node:
            case ast.Constant():
                return constant(node)
            case ast.Name():
                return self._parameter(node)
            case ast.Call():
                return self._call(node)
            case ast.UnaryOp(op=ast.USub()):
                return negated(node, self._read(node.operand))
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return total(node, self._read(node.left), self._read(node.right))
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return product(node, self._read(node.left), self._read(node.right))
            case ast.BinOp(op=ast.Pow()):
                return power(node, self._read(node.left), self._read(node.right))
        raise MistakeError("not-allowed", node, "this cannot stand in a formula", ALLOWED)

    def _parameter(self, node: ast.Name) -> Term:
        if node.id in self._indicator.inputs and self._within:
            return hour_means(node.id, *self._measure_of(node.id))
        if node.id in self._indicator.inputs:
            functions = ", ".join(f"{name}({node.id})" for name in STATISTICS)
            raise MistakeError("bare-input", node, f"“{node.id}” is an input and needs a function", functions)
        if node.id not in self._indicator.parameters:
            names = [*self._indicator.parameters, *FUNCTIONS]
            close = get_close_matches(node.id, names, n=1)
            hint = f"did you mean “{close[0]}”?" if close else f"one of: {', '.join(names)}"
            raise MistakeError("unknown-name", node, f"“{node.id}” is not known", hint)
        value, code = self._indicator.parameters[node.id]
        kind, scale, shift = measure(code)
        fixed = np.float64(value * scale + shift)
        return Term(lambda _: fixed, kind)

    def _call(self, node: ast.Call) -> Term | None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS:
            close = get_close_matches(name, FUNCTIONS, n=1)
            hint = f"did you mean “{close[0]}”?" if close else f"one of: {', '.join(FUNCTIONS)}"
            raise MistakeError("unknown-function", node, f"there is no function “{ast.unparse(node.func)}”", hint)
        if self._within and name not in MATHEMATICS:
            message = f"{name}(…) cannot stand inside {self._within}(…)"
            raise MistakeError("not-allowed", node, message, "names of inputs and parameters, arithmetic over them")
        if name == "hours":
            return hours(node)
        if name in MATHEMATICS:
            if len(node.args) != 1 or node.keywords:
                raise MistakeError("too-many", node, f"{name}(…) takes one part of a formula", f"{name}(…)")
            return mathematics(node, name, self._read(node.args[0]))
        return self._statistic(node, name)

    def _statistic(self, node: ast.Call, name: str) -> Term | None:
        argument = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if name in HOURLY and argument is not None and not isinstance(argument, ast.Name):
            return self._hour_by_hour(node, name, argument)
        if not isinstance(argument, ast.Name) or argument.id not in self._indicator.inputs:
            inputs = ", ".join(f"{name}({key})" for key in self._indicator.inputs) or "declare an input"
            raise MistakeError("not-an-input", node, f"{name}(…) takes the name of one input", inputs)
        key = argument.id
        kind, scale, shift = self._measure_of(key)
        if kind is None:
            return Term(lambda inputs: inputs[key].statistic(name), None)
        return statistic(node, name, key, kind, scale, shift)

    def _hour_by_hour(self, node: ast.Call, name: str, argument: ast.expr) -> Term | None:
        self._within = name
        term = self._read(argument)
        self._within = ""
        used = [part.id for part in ast.walk(argument) if isinstance(part, ast.Name)]
        key = next((one for one in used if one in self._indicator.inputs), "")
        if not key and term is not None:
            inputs = ", ".join(f"{name}({one})" for one in self._indicator.inputs) or "declare an input"
            raise MistakeError("not-an-input", node, f"{name}(…) takes at least one input", inputs)
        return hour_by_hour(node, name, term, key)

    def _measure_of(self, key: str) -> tuple[Measure | None, float, float]:
        """Return the measure of an input, None where it is not known, and how a value is brought to it."""
        code = self._units[self._indicator.inputs[key]]
        return (None, 1.0, 0.0) if code is None else measure(code)

    def _converted(self, term: Term, body: ast.expr) -> Term:
        kind, scale, shift = measure(self._indicator.unit)
        if term.measure is None:
            return term
        if not alike(term.measure, kind):
            raise MistakeError(
                "wrong-unit",
                None,
                f"the formula gives {term.measure}, which does not convert to {self._indicator.unit}",
                _suggestion(term.measure),
            )
        if term.measure.absolute != kind.absolute:
            raise MistakeError(
                "temperature",
                None,
                f"the formula gives a temperature {'in °C' if term.measure.absolute else 'difference'}, "
                f"not one in {self._indicator.unit}",
                "Cel for a temperature, K for a difference of temperatures",
            )
        if self._indicator.unit == "%" and _has_hundred(body):
            raise MistakeError(
                "percent-twice", None, "the unit % multiplies by 100 already", "leave the factor 100 out"
            )
        run, by = term.run, factor(term.measure, kind)
        if kind.absolute:
            return Term(lambda inputs: (run(inputs) - shift) / scale, kind)
        return Term(lambda inputs: run(inputs) * by, kind)


def _parse(formula: str) -> ast.expr:
    if len(formula) > _LONGEST:
        raise MistakeError("too-long", None, f"the formula has {len(formula)} characters", f"at most {_LONGEST}")
    try:
        return ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else " at its end"
        raise MistakeError("syntax", None, f"this is no formula: {error.msg}{place}", ALLOWED) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise MistakeError("syntax", None, "this is no formula", ALLOWED) from error


def _suggestion(kind: Measure) -> str:
    fitting = [code for code in UNITS if alike(kind, measure(code)[0])]
    return f"one of: {', '.join(fitting)}" if fitting else "a formula with another dimension"


def _has_hundred(node: ast.expr) -> bool:
    """Tell whether the outermost product has the factor 100."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        return _has_hundred(node.left) or (isinstance(node.op, ast.Mult) and _has_hundred(node.right))
    return isinstance(node, ast.Constant) and node.value == 100
