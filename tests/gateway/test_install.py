"""The unit: the one in deploy/ is the one that is installed, and systemd takes it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vitrine.errors import ConfigurationError
from vitrine_gateway.commands import gateway
from vitrine_gateway.unit import Unit

from .sites import device, tcp, write_profile, write_site

SHIPPED = Path(__file__).parents[2] / "deploy/systemd/vitrine-gateway.service"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    return write_site(tmp_path, device("d", tcp(502)))


def test_shipped_unit_is_the_installed_one() -> None:
    assert SHIPPED.read_text() == Unit().text()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "vitrine-gateway.service"
    path.write_text(Unit(program=Path("/bin/true"), user="root").text())
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    assert str(path.name) not in done.stderr, done.stderr


def test_dry_run_shows_unit_and_commands(file: Path) -> None:
    told = CliRunner().invoke(gateway, ["install", str(file), "--dry-run", "--user", "pilote"])
    assert told.exit_code == 0, told.output
    assert f"gateway run {file}" in told.stdout.replace("\n", "")
    assert "WatchdogSec=120" in told.stdout
    assert "# useradd --system" in told.stdout
    assert "# systemctl enable --now vitrine-gateway.service" in told.stdout


def test_who_may_not_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrine_gateway.commands.install.shutil.which", lambda name: f"/bin/{name}")
    monkeypatch.setattr("vitrine_gateway.commands.install.os.geteuid", lambda: 1000)
    told = CliRunner().invoke(gateway, ["install", str(file)])
    assert isinstance(told.exception, ConfigurationError)
    assert "administrator" in told.exception.message


def test_a_machine_without_systemd_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitrine_gateway.commands.install.shutil.which", lambda _: None)
    told = CliRunner().invoke(gateway, ["install", str(file)])
    assert "no systemd" in str(told.exception)


def test_a_file_with_mistakes_is_not_installed(file: Path) -> None:
    file.write_text(file.read_text().replace("test_bench", "bench"))
    assert "mistake" in str(CliRunner().invoke(gateway, ["install", str(file), "--dry-run"]).exception)
