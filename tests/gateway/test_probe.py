"""Trying all that a start needs, against what really answers and what does not."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.servers.broker import Rumqttd
from tests.servers.process import free_port
from vitrine_gateway.commands import check
from vitrine_gateway.probe import probe

from .sites import device, site, tcp, write_profile, write_site
from .test_agent import instrument


def test_each_part_says_what_it_met(tmp_path: Path, broker: Rumqttd, monkeypatch: pytest.MonkeyPatch) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    with instrument(monkeypatch) as server:
        whole = site(tmp_path, device("count", tcp(server.port)), device("mute", tcp(server.port, 2)), port=broker.port)
        found = {(one.part, one.name): one for one in probe(whole, tmp_path / "data")}
    assert found["device", "count"].fault == ""
    assert found["device", "count"].seen == "1 of 1 values"
    assert "no answer" in found["device", "mute"].fault
    assert found["broker", f"127.0.0.1:{broker.port}"].fault == ""
    assert found["folder", str(tmp_path / "data")].fault == ""


def test_a_broker_that_is_not_there(tmp_path: Path) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    (found,) = (
        one
        for one in probe(site(tmp_path, device("d", tcp(free_port())), port=free_port()), tmp_path)
        if one.part == "broker"
    )
    assert "refused" in found.fault.lower()


@pytest.mark.parametrize(("language", "words"), [("fr_CA.UTF-8", "× courtier"), ("en", "× broker")])
def test_the_command_ends_with_1_where_anything_fails(tmp_path: Path, language: str, words: str) -> None:
    write_profile(tmp_path, ("n", 0, "uint32", "holding"))
    path = write_site(tmp_path, device("d", tcp(free_port())), port=free_port())
    told = CliRunner().invoke(check, ["--probe", str(path), "--data-dir", str(tmp_path)], env={"LC_ALL": language})
    assert told.exit_code == 1
    assert words in told.stdout
    assert CliRunner().invoke(check, [str(path)]).exit_code == 0
