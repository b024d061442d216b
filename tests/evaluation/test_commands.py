"""The commands, as people call them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine.errors import InstallationError, VitrineError
from vitrine.settings import settings
from vitrine_evaluation.commands import dataset, indicators

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def call(place, monkeypatch):
    monkeypatch.setenv("VITRINE_DATABASE_URL", place.database_url)
    monkeypatch.setenv("VITRINE_DATA_DIR", str(place.data_dir))
    monkeypatch.setenv("LC_ALL", "en_CA.UTF-8")
    settings.cache_clear()

    def run(app, *arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    yield run
    settings.cache_clear()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda file: file.stem)
def test_the_indicators_of_the_examples_are_right(call, file):
    result = call(indicators, "check", file)
    assert result.exit_code == 0
    assert "no mistake" in result.output


def test_mistakes_are_told_with_their_lines(call, tmp_path):
    source = (EXAMPLES / "ultrafiltration.toml").read_text()
    file = tmp_path / "wrong.toml"
    file.write_text(
        source.replace('"1 - mean(permeate) / mean(feed)"', '"100 * (1 - maen(permeate) / mean(feed))"').replace(
            'energy = "pump/energy-import"', 'energy = "pmup/energy-import"'
        )
    )
    with pytest.raises(InstallationError) as error:
        call(indicators, "check", file)
    lines = file.read_text().splitlines()
    assert {problem.code for problem in error.value.problems} == {"unknown-function", "unknown-channel"}
    for problem in error.value.problems:
        assert lines[problem.line - 1].lstrip().startswith(("formula", "inputs"))
        assert problem.where == str(file)
        assert problem.key.startswith("indicator[")


def test_indicators_are_recomputed_and_shown(call):
    assert "48 hours" in call(indicators, "recompute", "pilote").output
    shown = call(indicators, "show", "pilote", "--period", "day").output
    assert "2026-03-01" in shown
    assert "cannot be multiplied" in shown
    with pytest.raises(VitrineError, match="no installation"):
        call(indicators, "show", "nowhere")


def test_a_dataset_is_built_listed_and_verified(call, tmp_path):
    assert "no dataset" in call(dataset, "list").output
    target = tmp_path / "out.zip"
    built = call(
        dataset, "build", "pilote", "--from", "2026-03-01", "--to", "2026-03-02", "--name", "jour", "--output", target
    )
    assert str(target) in built.output.replace("\n", "")
    assert "vitrine_pilote_jour" in call(dataset, "list").output
    assert json.loads(call(dataset, "verify", target, "--json").output)["holds"] is True
    target.write_bytes(target.read_bytes()[:-100])
    assert call(dataset, "verify", target).exit_code == 1


def test_a_dataset_may_be_left_to_a_worker(call):
    said = call(dataset, "build", "pilote", "--from", "2026-03-01", "--to", "2026-03-02", "--no-wait").output
    assert "vitrine_pilote_20260301-20260302" in said
