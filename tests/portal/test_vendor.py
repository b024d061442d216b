"""The browser libraries: pinned, whole, and never fetched by a page."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "api" / "web"


@pytest.fixture
def hatch_build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build hook, loaded without hatchling, which is there only while a build runs."""
    interface = ModuleType("hatchling.builders.hooks.plugin.interface")
    interface.BuildHookInterface = list  # type: ignore[attr-defined]  # a generic class is all the hook needs
    monkeypatch.setitem(sys.modules, interface.__name__, interface)
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lock_file_names_no_registry():
    lock = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert "http" not in lock
    assert "omit-lockfile-registry-resolved=true" in (WEB / ".npmrc").read_text(encoding="utf-8")
    packages = json.loads(lock)["packages"]
    assert all(package["integrity"].startswith("sha512-") for name, package in packages.items() if name)


def test_every_file_has_its_hash(hatch_build: ModuleType):
    assert set(hatch_build.expected(ROOT)) == set(hatch_build.FILES)


def test_installed_files_are_what_they_must_be(hatch_build: ModuleType):
    folder = ROOT / hatch_build.VENDOR
    if not folder.is_dir():
        pytest.skip("the browser libraries were left out of this installation (VITRINE_SKIP_WEB)")
    for name, digest in hatch_build.expected(ROOT).items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_a_changed_file_is_named(hatch_build: ModuleType, tmp_path: Path):
    (tmp_path / hatch_build.WEB).mkdir(parents=True)
    (tmp_path / hatch_build.WEB / "vendor.sha256").write_text((WEB / "vendor.sha256").read_text(encoding="utf-8"))
    path = tmp_path / hatch_build.VENDOR / "uplot" / "uPlot.min.css"
    path.parent.mkdir(parents=True)
    path.write_text("changed")
    assert set(hatch_build.mistakes(tmp_path)) == set(hatch_build.FILES)
