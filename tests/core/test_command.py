"""The command itself: what is there, in both languages, and errors in words."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from vitrine.command import GROUP, tell
from vitrine.errors import ConfigurationError, Problem
from vitrine.i18n import catalogue


def vitrine(*arguments: str, lang: str = "fr_CA.UTF-8") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from vitrine.command import main; main()", *arguments],
        capture_output=True, text=True, check=False, env={"LANG": lang, "PATH": ""},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lang", "word"), [("fr_CA.UTF-8", "L’agent qui lit les instruments"), ("en_CA.UTF-8", "The agent that reads")]
)
def test_the_overview_speaks_both_languages(lang: str, word: str) -> None:
    result = vitrine(lang=lang)
    assert result.returncode == 0
    assert word in result.stdout


def test_an_unknown_command_is_named() -> None:
    result = vitrine("gatway")
    assert result.returncode == 2
    assert "“gatway” is no command" in result.stderr


def test_every_command_has_its_line_in_the_overview() -> None:
    assert {f"command.{name}" for name in entry_points(group=GROUP).names} <= catalogue("vitrine", "fr").keys()


def test_an_error_is_told_with_its_single_mistakes_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    tell(
        ConfigurationError(
            "the settings have mistakes",
            hint="Mend them.",
            problems=[Problem(code="x", message="no", where="A", allowed="yes")],
        )
    )
    assert capsys.readouterr().err == "the settings have mistakes\n  A: no (yes)\nMend them.\n"
