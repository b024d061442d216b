"""A profile to begin with is sound, its golden case holds, and nothing is overwritten; the pages list what there is."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine.errors import VitrineError
from vitrine_gateway.commands import profiles
from vitrine_gateway.modbus.decode import decode
from vitrine_gateway.profiles import load, names

DOCS = Path(__file__).parents[2] / "docs"


def test_new_profile_is_sound_and_its_case_holds(tmp_path: Path) -> None:
    told = CliRunner().invoke(profiles, ["new", "maker-t100", "--folder", str(tmp_path)])
    assert told.exit_code == 0, told.output
    profile = load("maker-t100.toml", tmp_path)
    case = tomllib.loads((tmp_path / "maker-t100.case.toml").read_text())
    (channel,) = profile.channels
    assert decode(channel, case["input"]["0x0001"]) == (case["values"]["temperature"], 0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("mine")
    told = CliRunner().invoke(profiles, ["new", "mine", "--folder", str(tmp_path)])
    assert isinstance(told.exception, VitrineError)
    assert (tmp_path / "mine.toml").read_text() == "mine"
    assert not (tmp_path / "mine.case.toml").exists()


@pytest.mark.parametrize("name", ["Maker", "../out", "a b"])
def test_a_name_that_cannot_be(name: str, tmp_path: Path) -> None:
    assert CliRunner().invoke(profiles, ["new", name, "--folder", str(tmp_path)]).exit_code == 2


@pytest.mark.parametrize("page", ["fr/profils.md", "en/profiles.md"])
def test_the_page_lists_the_profiles_that_there_are(page: str) -> None:
    listed = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| [0-9–]+ \|$", (DOCS / page).read_text(), re.MULTILINE)
    assert tuple(listed) == names()
