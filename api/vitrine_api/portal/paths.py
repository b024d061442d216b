"""The address of every page in both languages; the switch of language keeps the page."""

from __future__ import annotations

from urllib.parse import quote

from vitrine.i18n import Language

PATHS: dict[str, dict[Language, str]] = {
    "catalogue": {"fr": "/fr", "en": "/en"},
    "installation": {"fr": "/fr/installations/{slug}", "en": "/en/installations/{slug}"},
    "channel": {
        "fr": "/fr/installations/{slug}/voies/{device}/{channel}",
        "en": "/en/installations/{slug}/channels/{device}/{channel}",
    },
    "challenge": {"fr": "/fr/installations/{slug}/defi", "en": "/en/installations/{slug}/challenge"},
    "gaps": {"fr": "/fr/installations/{slug}/manques", "en": "/en/installations/{slug}/gaps"},
    "datasets": {"fr": "/fr/jeux", "en": "/en/datasets"},
    "dataset": {"fr": "/fr/jeux/{slug}", "en": "/en/datasets/{slug}"},
    "gateways": {"fr": "/fr/passerelles", "en": "/en/gateways"},
    "method": {"fr": "/fr/methode", "en": "/en/method"},
    "sign_in": {"fr": "/fr/connexion", "en": "/en/sign-in"},
    "sign_out": {"fr": "/fr/deconnexion", "en": "/en/sign-out"},
    "appearance": {"fr": "/fr/apparence", "en": "/en/appearance"},
}


def path(name: str, language: Language, **values: str) -> str:
    """Return the address of a page, its values escaped."""
    return PATHS[name][language].format(**{key: quote(value, safe="") for key, value in values.items()})


def language_of(address: str) -> Language:
    """Return the language that an address begins with; French where it names none."""
    return "en" if address == "/en" or address.startswith("/en/") else "fr"
