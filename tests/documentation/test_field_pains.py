"""Each test that the page on field pains names exists, and each row says how Vitrine behaves or that nothing shows it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {"fr": ROOT / "docs/fr/ecueils.md", "en": ROOT / "docs/en/field-pains.md"}
UNCOVERED = {"fr": "non couvert", "en": "not covered"}
PAINS = 34


def rows(language: str) -> dict[int, list[str]]:
    text = PAGES[language].read_text(encoding="utf-8")
    found = re.findall(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    return {int(number): cells for number, *cells in found}


@pytest.mark.parametrize("language", PAGES)
def test_every_pain_is_told(language: str) -> None:
    assert sorted(rows(language)) == list(range(1, PAINS + 1))


@pytest.mark.parametrize("language", PAGES)
def test_every_named_test_exists(language: str) -> None:
    missing = []
    for _, _, tests in rows(language).values():
        for file, name in re.findall(r"`([a-z_0-9]+\.py)::([a-z_0-9]+)`", tests):
            path = ROOT / "tests" / "gateway" / file
            if not path.exists() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                missing.append(f"{file}::{name}")
    assert not missing


@pytest.mark.parametrize("language", PAGES)
def test_what_no_test_shows_is_said_plainly(language: str) -> None:
    for _, behaviour, tests in rows(language).values():
        assert "::" in tests or UNCOVERED[language] in behaviour


def test_both_languages_name_the_same_tests() -> None:
    assert {number: cells[2] for number, cells in rows("fr").items()} == {
        number: cells[2] for number, cells in rows("en").items()
    }
