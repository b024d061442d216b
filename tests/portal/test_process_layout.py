"""The layouts of a process drawing: nothing stands on anything else, whatever the file declares."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine.installation_file import load
from vitrine.process import COLUMNS, LABEL, ROWS
from vitrine_api.portal.views.process_layout import HALF, RANGE, thin, wide

#: Height of a value from above its label to below its flag, and width of a character of a name (13 px, semi-bold).
ABOVE, BELOW, LETTER = 11, 54, 6.9


@st.composite
def processes(draw):
    cells = draw(
        st.lists(st.tuples(st.integers(1, COLUMNS), st.integers(1, ROWS)), min_size=1, max_size=9, unique=True)
    )
    units = [
        {"key": f"u{n}", "symbol": "tank", "name": {}, "column": column, "row": row}
        for n, (column, row) in enumerate(cells)
    ]
    keys = st.sampled_from([unit["key"] for unit in units])
    readings = [
        {"channel": f"d/c{n}", "unit": unit, "side": side}
        for n, (unit, side) in enumerate(
            draw(st.lists(st.tuples(keys, st.sampled_from(("above", "below"))), max_size=12))
        )
    ]
    flows = [
        {"path": path, "medium": "water"} for path in draw(st.lists(st.lists(keys, min_size=2, max_size=4), max_size=5))
    ]
    return {"units": units, "flows": flows, "readings": readings}


def boxes(layout):
    yield from ((spot.x - HALF, spot.y - HALF, spot.x + HALF, spot.y + HALF) for spot in layout.spots.values())
    yield from ((place.x, place.y - ABOVE, place.x + RANGE, place.y + BELOW) for place in layout.places)


@given(process=processes())
def test_nothing_overlaps_or_leaves_the_drawing(process):
    for layout in (wide(process), thin(process)):
        assert len(layout.places) == len(process["readings"])
        for left, top, right, bottom in boxes(layout):
            assert left >= 0
            assert top >= 0
            assert right <= layout.width
            assert bottom <= layout.height
        for (a, b, c, d), (e, f, g, h) in itertools.combinations(boxes(layout), 2):
            assert c <= e or g <= a or d <= f or h <= b
        links = sum(len(flow["path"]) - 1 for flow in process["flows"])
        assert len(layout.pipes) == links


def test_names_fit_their_cells():
    assert LABEL * LETTER <= 1000 / COLUMNS


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "examples").glob("*.toml")), ids=lambda p: p.stem)
def test_no_pipe_of_an_example_runs_through_a_symbol(path):
    process = load(path).process
    places = {(unit.column, unit.row) for unit in process.units}
    where = {unit.key: (unit.column, unit.row) for unit in process.units}
    for flow in process.flows:
        for first, last in itertools.pairwise(flow.path):
            (c1, r1), (c2, r2) = where[first], where[last]
            if r1 == r2 and c2 > c1:
                assert not [c for c in range(c1 + 1, c2) if (c, r1) in places], (first, last)
