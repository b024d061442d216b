"""``vitrine check``: every mistake at once, by line, also those that only the profiles show."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine_gateway.commands import check, gateway, profiles
from vitrine_gateway.site import inspect_site, load_site

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
ULTRAFILTRATION = next(path for path in EXAMPLES if path.stem == "ultrafiltration")

EIGHT = """\
[installation]
slug = "Essai UF"
kind = "test-bench"
domain = "water"
name = { fr = "Essai", en = "Trial" }
organisation = "eau-claire"

[gateway]
node = "pi-1"
uplink = { host = "broker", prt = 1883 }

[[device]]
key = "flow"
profile = "siemens-mag600"
connection = { transport = "tcp", host = "10.0.0.5" }

[[device]]
key = "meter"
profile = "eastron-sdm630"
connection = { transport = "mqtt", host = "10.0.0.6", topic = "x" }
every = "1 sec"
  [[device.channel]]
  key = "powr"
  [[device.channel]]
  key = "energy-import"
  unit = "m3"

[[indicator]]
key = "energy"
name = { fr = "Énergie", en = "Energy" }
formula = "e"
unit = "kW.h"
inputs = { e = "metre/energy-import" }
"""
EXPECTED = [
    (2, "not-a-slug"),
    (3, "not-allowed"),
    (10, "unknown-key"),
    (14, "unknown-profile"),
    (20, "wrong-transport"),
    (21, "not-a-duration"),
    (23, "unknown-channel"),
    (26, "unit-mismatch"),
    (33, "unknown-device"),
]


def test_every_mistake_at_once_by_line(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(EIGHT)
    _, problems = inspect_site(path)
    assert sorted((problem.line, problem.code) for problem in problems) == EXPECTED
    result = CliRunner().invoke(check, [str(path)])
    assert result.exit_code == 1
    for line, _ in EXPECTED:
        assert f"{path}:{line}: " in result.output
    for hint in ("siemens-mag6000", "power", "meter", "port"):
        assert hint in result.output


def test_json_for_programs(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(EIGHT)
    result = CliRunner().invoke(check, ["--json", str(path), str(EXAMPLES[0])])
    assert result.exit_code == 1
    wrong, right = json.loads(result.output)
    assert right["valid"]
    assert [(problem["line"], problem["code"]) for problem in wrong["problems"]] == EXPECTED


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("lang", ["fr_CA.UTF-8", "en_CA.UTF-8"])
def test_good_file_is_told_as_it_was_understood(path: Path, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", lang)
    result = CliRunner().invoke(check, [str(path)])
    assert result.exit_code == 0
    for device in load_site(path).devices:
        assert device.key in result.output
    assert ("rien à corriger" in result.output) == lang.startswith("fr")


def test_mistake_in_a_profile_beside_the_file_is_told_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('manufacturer = "x"\n')
    path = tmp_path / "site.toml"
    path.write_text(ULTRAFILTRATION.read_text().replace('"hach-tss-sc"', '"own.toml"'))
    _, problems = inspect_site(path)
    assert {problem.where for problem in problems} == {str(tmp_path / "own.toml")}


def test_decimals_follow_the_unit() -> None:
    flow = load_site(ULTRAFILTRATION).devices[0].channels[0]
    assert flow.unit == "m3/h"
    assert flow.scale == pytest.approx(3600)


def test_profiles_are_listed_and_shown() -> None:
    runner = CliRunner()
    assert "siemens-mag6000" in runner.invoke(profiles, ["list"]).output
    shown = runner.invoke(profiles, ["show", "carlo-gavazzi-em340"]).output
    assert "CDAB" in shown
    assert "341" in shown


def test_help_of_the_gateway_names_its_commands() -> None:
    output = CliRunner().invoke(gateway, ["--help"]).output
    assert "run" in output
    assert "read" in output
