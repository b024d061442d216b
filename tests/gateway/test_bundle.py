"""The bundle for those who help: everything is in it but what is secret."""

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from vitrine.errors import VitrineError
from vitrine_gateway.bundle import redacted
from vitrine_gateway.commands import gateway

from .sites import device, tcp, write_profile, write_site


def test_parts_are_there_and_no_secret_is(tmp_path: Path) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    (tmp_path / "secret").write_text("correct-horse")
    path = write_site(tmp_path, device("d", tcp(502)))
    login = f'username = "pilote-7", password_file = "{tmp_path}/secret", port = '
    path.write_text(path.read_text().replace("port = 1 ", login + "1 ").replace("essai", "essai", 1))
    arguments = ["doctor", str(path), "--data-dir", str(tmp_path / "data"), "--output", str(tmp_path / "b.zip")]
    told = CliRunner().invoke(gateway, arguments, env={"LC_ALL": "en"})
    assert told.exit_code == 0, told.output
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(parts) == {"check.json", "installation.toml", "machine.json", "status.json", "journal.txt"}
    everything = "".join(parts.values())
    assert "correct-horse" not in everything
    assert "pilote-7" not in everything
    assert 'slug = "essai"' in parts["installation.toml"]
    assert json.loads(parts["machine.json"])["packages"]["pymodbus"]
    assert "no gateway answers" in json.loads(parts["status.json"])["error"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")
    told = CliRunner().invoke(gateway, ["doctor", str(tmp_path / "none.toml"), "--output", str(tmp_path / "b.zip")])
    assert isinstance(told.exception, VitrineError)
    assert (tmp_path / "b.zip").read_text() == "mine"


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    told = CliRunner().invoke(gateway, ["doctor", str(tmp_path / "none.toml"), "--output", str(tmp_path / "b.zip")])
    assert told.exit_code == 0
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert "unreadable" in archive.read("check.json").decode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('password = "x y"', 'password = "…"'),
        ("username='me', host = 'h'", "username=\"…\", host = 'h'"),
        ("mqtt://me:word@host:1883/t", "mqtt://…@host:1883/t"),
        ("no secret @ all", "no secret @ all"),
    ],
)
def test_what_is_left_out(text: str, left: str) -> None:
    assert redacted(text) == left


@given(st.text("abcdefghij0123456789-_", min_size=4))
def test_no_login_of_an_address_stays(word: str) -> None:
    assert word not in redacted(f"http://user:{word}@host/path".replace("host", "h").replace("path", "p")).split("@")[0]
