"""The key that signs session cookies: a file that only its owner can read, made on first use."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vitrine.errors import ConfigurationError
from vitrine.settings import Settings, read_secret

NAME = "session.key"


def secret_key(settings: Settings) -> str:
    """Return the key; ConfigurationError where the file cannot be made or read."""
    path = settings.secret_key_file or settings.data_dir / NAME
    if not path.exists():
        _make(path)
    return read_secret(path)


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process of the same server was first
    except OSError as error:
        raise ConfigurationError(
            f"the key file {path} cannot be made: {error.strerror}",
            hint="Set VITRINE_SECRET_KEY_FILE or VITRINE_DATA_DIR to a folder where this user may write.",
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
