"""Password hashes: scrypt with its parameters beside the salt, so that they can be raised later."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

#: Cost of one hash: 16 MiB and about 50 ms on a small server.
_N, _R, _P = 2**14, 8, 1
_MAXMEM = 64 * 2**20
#: Without letters and digits that are mistaken for one another when a password is copied from paper.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def hash_password(password: str) -> str:
    """Return ``scrypt$n$r$p$salt$hash`` for storage."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MAXMEM)
    return "$".join(["scrypt", str(_N), str(_R), str(_P), b64encode(salt).decode(), b64encode(digest).decode()])


def password_matches(password: str, stored: str) -> bool:
    """Tell whether `password` is the one that was stored."""
    _, n, r, p, salt, expected = stored.split("$")
    digest = hashlib.scrypt(password.encode(), salt=b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=_MAXMEM)
    return hmac.compare_digest(digest, b64decode(expected))


def generate_password() -> str:
    """Return a password of 20 characters (99 bits) in groups that can be read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


#: Checked when a login does not exist, so that the time of an answer does not tell which logins do.
DECOY = hash_password(secrets.token_hex())
