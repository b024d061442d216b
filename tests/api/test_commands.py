"""The commands of accounts, as a person at a terminal uses them."""

import re
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from vitrine import settings as settings_module
from vitrine.errors import ConfigurationError
from vitrine_api.commands import account
from vitrine_api.passwords import password_matches

pytestmark = pytest.mark.plain


@pytest.fixture(autouse=True)
def environment(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("LANG", "fr_CA.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    settings_module.settings.cache_clear()
    yield
    settings_module.settings.cache_clear()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(account, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def stored(url: str, login: str) -> str | None:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT password_hash FROM account WHERE login = %s", (login,)).fetchone()
    return row[0] if row else None


def test_a_password_is_made_and_printed_once(url: str):
    output = run("add", "marie", "--role", "operator")
    assert "Compte «\u00a0marie\u00a0» créé" in output
    password = re.search(r"une seule fois\u00a0: (\S+)", output)[1]
    assert password_matches(password, stored(url, "marie"))
    assert password not in run("list")


def test_a_password_from_a_file_is_not_printed(url: str, tmp_path: Path):
    file = tmp_path / "password"
    file.write_text("du-fichier\n")
    output = run("add", "marie", "--role", "company", "--organisation", "neige", "--password-file", str(file))
    assert "du-fichier" not in output
    assert password_matches("du-fichier", stored(url, "marie"))


def test_accounts_are_listed_and_removed(url: str):
    assert re.search(r"compagnie\s+company\s+neige", run("list"))
    run("remove", "compagnie")
    assert "compagnie" not in run("list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "eva", "--role", "operator"), "is taken"),
        (("add", "Éva", "--role", "operator"), "is no login"),
        (("add", "marie", "--role", "queen"), "is no role"),
        (("add", "marie", "--role", "company"), "needs its organisation"),
        (("add", "marie", "--role", "operator", "--password-file", "/nowhere/x"), "cannot be read"),
        (("remove", "nobody"), "there is no account"),
    ],
)
def test_mistakes_are_said_in_words(arguments: tuple[str, ...], said: str):
    with pytest.raises(ConfigurationError, match=said):
        run(*arguments)
