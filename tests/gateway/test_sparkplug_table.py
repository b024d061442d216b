"""The documentation's table of requirements: every id of the list, and only tests that exist."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
IDS = set((HERE / "sparkplug_ids.txt").read_text().split())
ROWS = re.compile(r"^\| (`[a-zA-Z0-9-]+`(?:, `[a-zA-Z0-9-]+`)*) \| [^|]+ \| ([^|]*::[^|]*) \|$", re.MULTILINE)


def names() -> set[str]:
    found = set()
    for path in [*HERE.glob("test_*.py"), *HERE.parent.glob("core/test_*.py")]:
        tests = re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        found |= {f"{path.name}::{name}" for name in tests}
    return found


@pytest.mark.parametrize("language", ["fr", "en"])
def test_each_requirement_of_an_edge_node_has_a_test(language: str) -> None:
    rows = ROWS.findall((DOCS / language / "sparkplug.md").read_text(encoding="utf-8"))
    told = [name for ids, _ in rows for name in re.findall(r"`([^`]+)`", ids)]
    assert sorted(told) == sorted(set(told)), "an id stands once"
    assert set(told) == IDS
    tests = {name for _, cell in rows for name in re.findall(r"`([^`]+)`", cell)}
    assert tests
    assert not tests - names()
