"""The results of the challenges in the documentation are those that are kept, and of the examples as they are."""

import json
from pathlib import Path

import pytest

from vitrine.i18n import LANGUAGES
from vitrine_demo.challenge import documentation
from vitrine_gateway.site import load_site

ROOT = Path(__file__).parents[2]


def known():
    return json.loads((ROOT / documentation.SUMMARY).read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documentation_shows_the_results_that_are_kept(language):
    text = (ROOT / documentation.PAGES[language]).read_text(encoding="utf-8")
    assert documentation.with_results(text, known(), language) == text
    for stem in known():
        assert (ROOT / documentation.image_of(stem, language)).is_file()


def test_what_is_written_is_what_is_read_again(tmp_path):
    result = json.loads((ROOT / "tests" / "portal" / "challenge.json").read_text(encoding="utf-8"))
    for name in documentation.PAGES.values():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"before\n{documentation.BEGIN}\n{documentation.END}\nafter\n", encoding="utf-8")
    (tmp_path / "docs" / "images").mkdir()
    documentation.write(ROOT / "examples" / "ultrafiltration.toml", result, tmp_path)
    read_again = json.loads((tmp_path / documentation.SUMMARY).read_text(encoding="utf-8"))
    for language, name in documentation.PAGES.items():
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text == documentation.with_results(text, read_again, language)
        assert text.startswith("before\n")
        assert text.endswith("after\n")


def test_every_example_has_its_result_in_the_documentation():
    assert set(known()) == {path.stem for path in (ROOT / "examples").glob("*.toml")}


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.stem)
def test_results_are_of_the_rules_and_channels_that_the_example_declares_now(path):
    """A result is out of date when its site's channels, rules or periods are others than when it was computed."""
    site = load_site(path)
    assert known()[path.stem]["rules_sha256"] == documentation.rules_sha256(site), (
        f"run: vitrine challenge examples/{path.name} --seed 1 --write-docs"
    )
