"""The drawing of a process in an installation file."""

from pathlib import Path

import pytest

from tests.core.test_installation_file import GOOD
from vitrine.installation_file import inspect, load

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
DRAWING = """
[[process.unit]]
key = "river"
symbol = "source"
name = { fr = "Rivière", en = "River" }

[[process.unit]]
key = "pump"
symbol = "pump"
name = { fr = "Pompe", en = "Pump" }
column = 2

[[process.flow]]
path = ["river", "pump"]
medium = "water"

[[process.reading]]
channel = "feed-flow/flow"
unit = "pump"
side = "below"
"""


def drawn(tmp_path, drawing):
    file = tmp_path / "site.toml"
    file.write_text(GOOD + drawing, encoding="utf-8")
    return inspect(file)


def test_units_flows_and_readings(tmp_path):
    installation, problems = drawn(tmp_path, DRAWING)
    assert problems == []
    process = installation.process
    assert [(unit.key, unit.column, unit.row) for unit in process.units] == [("river", 1, 1), ("pump", 2, 1)]
    assert [(flow.path, flow.medium) for flow in process.flows] == [(("river", "pump"), "water")]
    assert [(one.channel, one.unit, one.side) for one in process.readings] == [("feed-flow/flow", "pump", "below")]


def test_a_file_may_have_none(tmp_path):
    assert drawn(tmp_path, "")[0].process is None


@pytest.mark.parametrize(
    ("before", "after", "code", "key"),
    [
        ('symbol = "pump"', 'symbol = "pomp"', "not-allowed", "process.unit[2].symbol"),
        ("column = 2", "column = 1", "contradiction", "process.unit[2].column"),
        ("column = 2", "column = 7", "out-of-range", "process.unit[2].column"),
        ('key = "pump"', 'key = "river"', "repeated-key", "process.unit[2].key"),
        ('fr = "Pompe"', 'fr = "Pompe à vitesse variable du pilote"', "too-long", "process.unit[2].name"),
        ('["river", "pump"]', '["river", "lake"]', "not-in-process", "process.flow[1].path"),
        ('["river", "pump"]', '["river"]', "out-of-range", "process.flow[1].path"),
        ('medium = "water"', 'medium = "beer"', "not-allowed", "process.flow[1].medium"),
        ('channel = "feed-flow/flow"', 'channel = "feed-flow/flaw"', "not-a-channel", "process.reading[1].channel"),
        ('unit = "pump"', 'unit = "lake"', "not-in-process", "process.reading[1].unit"),
        ('side = "below"', 'side = "left"', "not-allowed", "process.reading[1].side"),
    ],
)
def test_mistakes(tmp_path, before, after, code, key):
    assert before in DRAWING
    _, problems = drawn(tmp_path, DRAWING.replace(before, after))
    assert (code, key) in [(problem.code, problem.key) for problem in problems]
    assert all(problem.line for problem in problems)


def test_too_many_values(tmp_path):
    reading = DRAWING[DRAWING.index("[[process.reading]]") :]
    _, problems = drawn(tmp_path, DRAWING + reading * 12)
    assert [problem.code for problem in problems] == ["too-many"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_has_one(path):
    process = load(path).process
    assert process is not None
    assert process.readings
    used = {key for flow in process.flows for key in flow.path}
    assert used == {unit.key for unit in process.units}
