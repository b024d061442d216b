"""Formulas: what they compute, and every mistake with where it is."""

import subprocess
import sys

import numpy as np
import pytest

from vitrine.i18n import Text
from vitrine.installation import Indicator
from vitrine_evaluation.formula import examine
from vitrine_evaluation.periods import Periods

UNITS = {
    "pump/energy": "kW.h",
    "pump/power": "kW",
    "pump/apparent": "kV.A",
    "pump/reactive": "{var}",
    "flow/flow": "m3/h",
    "flow/litres": "L/min",
    "feed/turbidity": "{NTU}",
    "out/turbidity": "{NTU}",
    "in/temperature": "Cel",
    "out/temperature": "Cel",
    "in/kelvin": "K",
    "lab/ph": "[pH]",
    "new/channel": None,
}


def periods(period="hour", **statistics):
    length = max(len(values) for values in statistics.values())
    blank = np.full(length, np.nan)
    names = ("mean", "minimum", "maximum", "increase", "change")
    return Periods(
        period,
        60 * np.arange(length),
        np.ones(length),
        *(np.array(statistics.get(name, blank), dtype=float) for name in names),
        np.array(statistics.get("hourly", blank[:, None]), dtype=float),
    )


def indicator(formula, unit, inputs, parameters=None):
    return Indicator(
        key="x", version=1, name=Text("x", "x"), formula=formula, unit=unit, inputs=inputs, parameters=parameters or {}
    )


P = {"p": "pump/power"}


@pytest.mark.parametrize(
    ("formula", "unit", "inputs", "parameters", "statistics", "expected"),
    [
        ("mean(p)", "kW", {"p": "pump/power"}, {}, {"p": {"mean": [2.5]}}, 2.5),
        ("mean(p)", "W", {"p": "pump/power"}, {}, {"p": {"mean": [2.5]}}, 2500.0),
        ("integral(p)", "kW.h", {"p": "pump/power"}, {}, {"p": {"mean": [2.5]}}, 2.5),
        ("integral(q)", "m3", {"q": "flow/litres"}, {}, {"q": {"mean": [100.0]}}, 6.0),
        (
            "increase(e) / integral(q)",
            "kW.h/m3",
            {"e": "pump/energy", "q": "flow/flow"},
            {},
            {"e": {"increase": [3.0]}, "q": {"mean": [6.0]}},
            0.5,
        ),
        (
            "1 - mean(o) / mean(f)",
            "%",
            {"o": "out/turbidity", "f": "feed/turbidity"},
            {},
            {"o": {"mean": [0.5]}, "f": {"mean": [10.0]}},
            95.0,
        ),
        (
            "base * hours() - increase(e)",
            "kW.h",
            {"e": "pump/energy"},
            {"base": (9.2, "kW")},
            {"e": {"increase": [3.2]}},
            6.0,
        ),
        ("mean(i)", "Cel", {"i": "in/temperature"}, {}, {"i": {"mean": [20.5]}}, 20.5),
        ("mean(i)", "Cel", {"i": "in/temperature"}, {}, {"i": {"mean": [-40.0]}}, -40.0),
        (
            "mean(i) - mean(o)",
            "K",
            {"i": "in/temperature", "o": "out/temperature"},
            {},
            {"i": {"mean": [21.0]}, "o": {"mean": [-9.0]}},
            30.0,
        ),
        (
            "(base - mean(o)) * hours() / day",
            "K",
            {"o": "out/temperature"},
            {"base": (18.0, "Cel"), "day": (1.0, "d")},
            {"o": {"mean": [-6.0]}},
            1.0,
        ),
        ("mean(i) + half", "Cel", {"i": "in/temperature"}, {"half": (0.5, "K")}, {"i": {"mean": [1.0]}}, 1.5),
        ("-mean(p) + maximum(p) - minimum(p)", "kW", {"p": "pump/power"}, {}, {"p": {"mean": [2], "maximum": [5], "minimum": [1]}}, 2.0),
        ("mean(p) + extra", "kW", {"p": "pump/power"}, {"extra": (500.0, "W")}, {"p": {"mean": [1.0]}}, 1.5),
        (
            "mean(p) / (mean(s) * unity)",
            "1",
            {"p": "pump/power", "s": "pump/apparent"},
            {"unity": (1.0, "1")},
            {},
            None,
        ),
        ("mean(n) * 2", "kW.h/m3", {"n": "new/channel"}, {}, {"n": {"mean": [4.0]}}, 8.0),
        ("exp(mean(n)) ** 2 + log10(mean(n)) ** mean(n)", "kW.h/m3", {"n": "new/channel"}, {}, {"n": {"mean": [1.0]}}, np.e**2),
        ("(mean(p) ** 2) ** 0.5", "W", P, {}, {"p": {"mean": [3.0]}}, 3000.0),
        ("mean(p) ** -1 * mean(p)", "1", P, {}, {"p": {"mean": [3.0]}}, 1.0),
        ("log10(mean(a) / mean(b))", "1", {"a": "feed/turbidity", "b": "out/turbidity"}, {}, {"a": {"mean": [5000.0]}, "b": {"mean": [0.5]}}, 4.0),
        ("exp(-mean(p) / full)", "%", P, {"full": (500.0, "W")}, {"p": {"mean": [0.5]}}, 100 / np.e),
        ("theta ** ((mean(i) - base) / one)", "1", {"i": "in/temperature"}, {"theta": (102.4, "%"), "base": (20.0, "Cel"), "one": (1.0, "K")}, {"i": {"mean": [10.0]}}, 1.024**-10),
        ("mean(f) / (1 + 10 ** (pk - mean(h)))", "{NTU}", {"f": "feed/turbidity", "h": "lab/ph"}, {"pk": (9.56, "[pH]")}, {"f": {"mean": [20.0]}, "h": {"mean": [7.2]}}, 20 / (1 + 10**2.36)),
        ("mean(p) * freezing / kelvin(mean(i))", "kW", {**P, "i": "in/temperature"}, {"freezing": (273.15, "K")}, {"p": {"mean": [2.0]}, "i": {"mean": [0.0]}}, 2.0),
        ("positive(mean(a) - mean(b))", "K", {"a": "in/temperature", "b": "out/temperature"}, {}, {"a": {"mean": [-5.0]}, "b": {"mean": [3.0]}}, 0.0),
        ("increase(e) / (increase(e) - change(c) * full)", "%", {"e": "pump/energy", "c": "new/channel"}, {"full": (20.0, "kW.h")}, {"e": {"increase": [9.0]}, "c": {"change": [-0.05]}}, 0.9),
        ("change(i)", "K", {"i": "in/temperature"}, {}, {"i": {"change": [-2.5]}}, -2.5),
        ("mean(p * (1 + gamma * (i - base)))", "kW", {**P, "i": "in/temperature"}, {"gamma": (-0.01, "1/K"), "base": (25.0, "Cel")}, {"p": {"hourly": [[2.0, 4.0]]}, "i": {"hourly": [[25.0, 75.0]]}}, 2.0),
        ("integral(positive(base - i)) * loss", "kW.h", {"i": "in/temperature"}, {"base": (15.0, "Cel"), "loss": (2000.0, "W/K")}, {"i": {"hourly": [[5.0, 25.0]]}}, 10.0),
        ("integral(p * f)", "kW.h", {**P, "f": "new/channel"}, {}, {"p": {"hourly": [[2.0, np.nan, 4.0]]}, "f": {"hourly": [[1.0, 7.0, 3.0]]}}, 7.0),
        ("kelvin(mean(n)) * 1", "kW", {"n": "new/channel"}, {}, {"n": {"mean": [4.0]}}, 4.0),
    ],
)  # fmt: skip
def test_a_formula_computes_in_the_unit_asked_for(formula, unit, inputs, parameters, statistics, expected):
    found, problems = examine(indicator(formula, unit, inputs, parameters), UNITS)
    if expected is None:
        assert [problem.code for problem in problems] == ["wrong-unit"]
        return
    assert problems == []
    values = found({name: periods(**values) for name, values in statistics.items()})
    assert values == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "unit", "inputs", "parameters", "codes", "words"),
    [
        ("mean(p", "kW", P, {}, ["syntax"], "character"),
        ("", "kW", P, {}, ["syntax"], "no formula"),
        ("mean(p) +", "kW", P, {}, ["syntax"], "at its end"),
        ("\0", "kW", P, {}, ["syntax"], "no formula"),
        ("(" * 300 + "1" + ")" * 300, "kW", P, {}, ["too-long"], "500"),
        ("-" * 490 + "mean(p)", "kW", P, {}, ["too-deep"], "50 levels"),
        ("mean(p) // 2", "kW", P, {}, ["not-allowed"], "hours(…)"),
        ("mean(p) ** 2", "kW", P, {}, ["wrong-unit"], "kW²"),
        ("mean(p) ** 12", "kW", P, {}, ["too-great"], "at most 9"),
        ("mean(p) ** hours()", "kW", P, {}, ["units-differ"], "plain number, not kW"),
        ("2 ** mean(p)", "1", P, {}, ["units-differ"], "an exponent takes a plain number"),
        ("2 ** mean(h)", "1", {"h": "lab/ph"}, {}, ["units-differ"], "not pH"),
        ("mean(i) ** 2", "K", {"i": "in/temperature"}, {}, ["temperature"], "kelvin(…)"),
        ("exp(mean(p))", "1", P, {}, ["units-differ"], "exp(…) takes a plain number"),
        ("log10(mean(i))", "1", {"i": "in/temperature"}, {}, ["units-differ"], "log10(…) takes a plain number, not °C"),
        ("exp(mean(p), 2)", "1", P, {}, ["too-many"], "takes one part"),
        ("kelvin(mean(p))", "kW", P, {}, ["temperature"], "takes a temperature"),
        ("exp(maen(p) / 1)", "1", P, {}, ["unknown-function"], "did you mean"),
        ("exp(p)", "1", P, {}, ["bare-input"], "mean(p), integral(p)"),
        ("mean(p + mean(p))", "kW", P, {}, ["not-allowed"], "mean(…) cannot stand inside mean(…)"),
        ("mean(hours() * p)", "kW.h", P, {}, ["not-allowed"], "cannot stand inside"),
        ("mean(2 * 3) * mean(p)", "kW", P, {}, ["not-an-input"], "at least one input"),
        ("maximum(p + p)", "kW", P, {}, ["not-an-input"], "the name of one input"),
        ("integral(i + full)", "K", {"i": "in/temperature"}, {"full": (1.0, "K")}, ["temperature"], "where its zero lies"),
        ("integral(p * q)", "kW.h", P, {}, ["unknown-name"], "not known"),
        ("positive(mean(i))", "Cel", {"i": "in/temperature"}, {}, ["temperature"], "a difference first"),
        ("mean(exp)", "kW", {"exp": "pump/power"}, {}, ["reserved-name"], "name of a function"),
        ("mean(p) if 1 else 2", "kW", P, {}, ["not-allowed"], "cannot stand"),
        ("__import__('os').system('id')", "kW", P, {}, ["unknown-function", "unused-name"], "there is no function"),
        ("mean(p).real", "kW", P, {}, ["not-allowed"], "cannot stand"),
        ("mean(p) + 'a'", "kW", P, {}, ["not-allowed"], "character 11"),
        ("mean(p) * True", "kW", P, {}, ["not-allowed"], "character 11"),
        ("mean(p) * 1e999", "kW", P, {}, ["too-great"], "too great"),
        ("mean(p) * 1" + "0" * 400, "kW", P, {}, ["too-great"], "too great"),
        ("mean(p) * 2j", "kW", P, {}, ["not-allowed"], "cannot stand"),
        ("p", "kW", P, {}, ["bare-input"], "mean(p), integral(p)"),
        ("maen(p)", "kW", P, {}, ["unknown-function"], "did you mean “mean”?"),
        ("mean(q)", "kW", P, {}, ["not-an-input", "unused-name"], "mean(p)"),
        ("mean(p, p)", "kW", P, {}, ["not-an-input"], "the name of one input"),
        ("mean(p=1)", "kW", P, {}, ["not-an-input", "unused-name"], "the name of one input"),
        ("mean(p) * hours(2)", "kW.h", P, {}, ["too-many"], "hours()"),
        ("mean(p) * basline", "kW", P, {"baseline": (1.0, "1")}, ["unknown-name", "unused-name"], "“baseline”"),
        ("mean(p)", "kW", P, {"baseline": (1.0, "1")}, ["unused-name"], "“baseline” is declared"),
        ("1 + 1", "1", {}, {}, ["no-input"], "no channel"),
        ("mean(p)", "kW.h", P, {}, ["wrong-unit"], "one of: W, kW"),
        ("mean(p)", "furlong", P, {}, ["unknown-unit"], "furlong"),
        ("mean(p)", "kW", {"p": "pump/powr"}, {}, ["unknown-channel"], "pump/power"),
        ("mean(mean)", "kW", {"mean": "pump/power"}, {}, ["reserved-name"], "name of a function"),
        ("mean(p) + p", "kW", P, {"p": (1.0, "kW")}, ["repeated-name"], "an input too"),
        ("mean(p) + x", "kW", P, {"x": (1.0, "kw")}, ["unknown-unit"], "kW"),
        ("mean(p) + 1", "kW", P, {}, ["units-differ"], "cannot be added"),
        ("1 - mean(p)", "kW", P, {}, ["units-differ"], "cannot be taken from"),
        ("mean(p) + mean(s)", "kW", {**P, "s": "pump/apparent"}, {}, ["units-differ"], "VA"),
        ("mean(p) + mean(r)", "kW", {**P, "r": "pump/reactive"}, {}, ["units-differ"], "var"),
        ("mean(p) + mean(h)", "kW", {**P, "h": "lab/ph"}, {}, ["units-differ"], "pH"),
        ("100 * (1 - mean(o) / mean(f))", "%", {"o": "out/turbidity", "f": "feed/turbidity"}, {}, ["percent-twice"], "leave"),
        ("mean(i) + mean(o)", "Cel", {"i": "in/temperature", "o": "out/temperature"}, {}, ["temperature"], "added"),
        ("mean(i) * 2", "Cel", {"i": "in/temperature"}, {}, ["temperature"], "multiplied"),
        ("-mean(i)", "Cel", {"i": "in/temperature"}, {}, ["temperature"], "negated"),
        ("integral(i)", "K", {"i": "in/temperature"}, {}, ["temperature"], "zero"),
        ("mean(i) - mean(o)", "Cel", {"i": "in/temperature", "o": "out/temperature"}, {}, ["temperature"], "K for a difference"),
        ("mean(i)", "K", {"i": "in/temperature"}, {}, ["temperature"], "Cel for a temperature"),
        ("mean(k) - mean(i)", "K", {"i": "in/temperature", "k": "in/kelvin"}, {}, ["temperature"], "difference"),
        ("maen(p) + 'a' + q", "kW", P, {}, ["not-allowed", "unknown-function", "unknown-name"], "character 11"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_place(formula, unit, inputs, parameters, codes, words):
    found, problems = examine(indicator(formula, unit, inputs, parameters), UNITS)
    assert found is None
    assert sorted(problem.code for problem in problems) == codes
    assert words in "\n".join(str(problem) for problem in problems)
    assert all(problem.key for problem in problems)


def test_the_place_counts_characters_and_not_bytes():
    _, problems = examine(indicator("mean(p) * é + b", "kW", P), UNITS)
    assert "at character 11, “é”" in problems[0].message
    assert "at character 15, “b”" in problems[1].message


def test_a_load_weighs_each_hour_with_its_flow():
    """Strong at noon and dirty at noon: 1 m³/h at 100 mg/L, but 3 m³/h at 300 mg/L for six of 24 hours."""
    flow, dirt = np.ones((1, 24)), np.full((1, 24), 100.0)
    flow[0, 9:15], dirt[0, 9:15] = 3.0, 300.0
    units = {"flow/flow": "m3/h", "lab/cod": "mg/L"}
    found, _ = examine(indicator("integral(q * c)", "kg", {"q": "flow/flow", "c": "lab/cod"}), units)
    inputs = {name: periods("day", mean=[1.0], hourly=each) for name, each in (("q", flow), ("c", dirt))}
    assert found(inputs) == pytest.approx([18 * 0.1 + 6 * 3 * 0.3])
    dirt[0, 20:] = np.nan  # four hours of the night without a value count as the mean of the others
    inputs["c"] = periods("day", mean=[1.0], hourly=dirt)
    assert found(inputs) == pytest.approx([(14 * 0.1 + 6 * 3 * 0.3) * 24 / 20])


def test_a_division_by_zero_has_no_value():
    found, _ = examine(indicator("mean(p) / mean(p)", "1", P), UNITS)
    assert np.isnan(found({"p": periods(mean=[0.0])}))


def test_threads_share_one_registry():
    """In a process of its own, as the registry is made once: two made at a time would give units that do not mix."""
    script = (
        "import sys; from concurrent.futures import ThreadPoolExecutor\n"
        "sys.setswitchinterval(1e-5)\n"
        "from vitrine_evaluation.dimensions import registry\n"
        "with ThreadPoolExecutor(4) as pool:\n"
        "    assert len({id(found) for found in pool.map(lambda _: registry(), range(8))}) == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
