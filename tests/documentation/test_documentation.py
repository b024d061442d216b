"""The documentation holds what exists: settings, commands, error codes, keys; and its links lead somewhere."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer

from vitrine.command import GROUP
from vitrine.i18n import catalogue
from vitrine.settings import Settings

ROOT = Path(__file__).parents[2]
LANGUAGES = {"fr": ROOT / "docs" / "fr", "en": ROOT / "docs" / "en"}
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])


def text_of(language: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(LANGUAGES[language].glob("**/*.md")))


@pytest.fixture(scope="module", params=sorted(LANGUAGES))
def documentation(request: pytest.FixtureRequest) -> str:
    return text_of(request.param)


def sources(*folders: str) -> str:
    return "\n".join(
        path.read_text(encoding="utf-8") for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))
    )


def test_every_setting_is_told(documentation: str) -> None:
    missing = [name for name in Settings.model_fields if f"`VITRINE_{name.upper()}`" not in documentation]
    assert not missing


def commands() -> list[str]:
    found: list[str] = []
    for point in entry_points(group=GROUP):
        if point.name == "dashboards":
            pytest.importorskip("grafana_foundation_sdk", reason="the dashboards' packages are not installed here")
        app: typer.Typer = point.load()
        names = [
            f"{point.name} {item.name or item.callback.__name__.replace('_', '-')}"
            for item in app.registered_commands
            if item.callback
        ]
        nested = [
            f"{point.name} {group.name} {item.name or item.callback.__name__}"
            for group in app.registered_groups
            if group.typer_instance
            for item in group.typer_instance.registered_commands
            if item.callback
        ]
        found += [*names, *nested] if len(names) + len(nested) > 1 or app.registered_callback else [point.name]
    return found


def test_every_command_is_told(documentation: str) -> None:
    assert not [name for name in commands() if f"vitrine {name}" not in documentation]


def test_every_code_of_a_mistake_is_told(documentation: str) -> None:
    rooms = sources("core", "gateway", "collector", "evaluation", "api", "simulators")
    codes = set(re.findall(r"""\.note\(\s*"([a-z0-9-]+)\"""", rooms)) | set(
        re.findall(r"""code="([a-z0-9-]+)\"""", rooms)
    )
    codes |= {key.split(".")[1] for key in catalogue("vitrine_api", "fr") if key.startswith("problem.")}
    assert codes, "the search finds codes"
    assert not sorted(code for code in codes if f"`{code}`" not in documentation)


def test_every_key_of_the_installation_file_is_told(documentation: str) -> None:
    reader = sources("core")
    keys = set(
        re.findall(
            r"""\.(?:text|number|integer|duration|choice|table|tables|take|pair|mapping)\(\s*"([a-z_]+)\"""", reader
        )
    )
    told = set(re.findall(r"[a-z_]+", documentation))
    assert not sorted(keys - told)


def test_both_languages_have_the_same_pages() -> None:
    counts = {language: len(list(folder.glob("**/*.md"))) for language, folder in LANGUAGES.items()}
    assert counts["fr"] == counts["en"] > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not broken


def test_the_project_names_no_registry_and_no_path_of_a_machine() -> None:
    import subprocess

    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    hosts = ["pythonhosted" + ".org", "pypi" + ".org", "registry.npm" + "js", "deb.deb" + "ian"]
    found = []
    for name in filter(None, names):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".jpg"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {host}" for host in [*hosts, str(ROOT) + "/"] if host in text]
    assert not found
