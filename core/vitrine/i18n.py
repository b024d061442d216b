"""French and English words, from one ``messages/{fr,en}.toml`` in each room."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages."""

    fr: str = ""
    en: str = ""

    def __getitem__(self, language: Language) -> str:
        return self.fr if language == "fr" else self.en


@cache
def catalogue(package: str, language: Language) -> dict[str, str]:
    """Return the messages of a package in one language; dotted keys, ``{name}`` placeholders."""
    text = files(package).joinpath("messages", f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flatten(tomllib.loads(text)))


def translate(package: str, language: Language, key: str, **values: object) -> str:
    """Return one message with its placeholders filled; KeyError where the catalogue lacks it."""
    text = catalogue(package, language)[key]
    return text.format(**values) if values else text


def preferred(accept_language: str) -> Language:
    """Choose between French and English from an Accept-Language header; French where nothing else is asked."""
    wishes: list[tuple[float, Language]] = []
    for part in accept_language.split(","):
        tag, _, weight = part.strip().partition(";q=")
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language:
                wishes.append((_weight(weight), language))
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "fr"


def of_environment(lang: str) -> Language:
    """Choose the language of a terminal from the value of LANG: English for ``en…`` and ``C``, else French."""
    return "en" if lang.lower().startswith(("en", "c.", "posix")) or lang in ("C", "") else "fr"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0


def _flatten(table: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flatten(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", str(value)))
    return found
