"""Settings of the server roles: environment variables that begin with ``VITRINE_``, then defaults.

`DATABASE_URL` is read without prefix, as hosts provide it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vitrine.errors import ConfigurationError, Problem


class Settings(BaseSettings):
    """Everything that a server role can be told; a new field needs its line in ``docs/*/reference/settings``."""

    model_config = SettingsConfigDict(env_prefix="VITRINE_", extra="ignore")

    #: libpq connection string of the database, with write rights for collector and worker.
    database_url: str = Field(
        default="postgresql:///vitrine", validation_alias=AliasChoices("VITRINE_DATABASE_URL", "DATABASE_URL")
    )
    #: Folder for built datasets and generated secrets.
    data_dir: Path = Path(".vitrine")
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_username: str = ""
    broker_password_file: Path | None = None
    #: Certificate authority of the broker; empty: no TLS.
    broker_ca: Path | None = None
    #: Longest wait of the collector before it commits what it holds, in seconds.
    batch_seconds: float = Field(default=0.25, gt=0, le=60)
    #: How long the collector waits for a message that is missing in a node's sequence, in seconds.
    reorder_seconds: float = Field(default=2.0, ge=0, le=60)
    #: Measurements after which the collector commits without waiting.
    batch_rows: int = Field(default=20_000, ge=1, le=1_000_000)
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8400, ge=1, le=65535)
    #: File with the key that signs session cookies; made on first use when missing.
    secret_key_file: Path | None = None
    #: True when the portal is served over HTTPS: cookies are then marked Secure.
    secure_cookies: bool = False
    #: Time zone that pages show; stored times are UTC.
    time_zone: str = "America/Toronto"
    #: Grafana's address and the file with a service account token, for `vitrine dashboards push`.
    grafana_url: str = "http://127.0.0.1:3000"
    grafana_token_file: Path | None = None
    log_format: str = Field(default="console", pattern="^(console|json)$")
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$")


@cache
def settings() -> Settings:
    """Return the settings in force; ConfigurationError names each wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(
            "the settings have mistakes",
            hint="Mend the environment variables named.",
            problems=[_problem(item["loc"], item["msg"], item.get("input")) for item in error.errors()],
        ) from error


def _problem(location: tuple[int | str, ...], message: str, value: object) -> Problem:
    name = str(location[0]) if location else ""
    variable = name if name.isupper() else f"VITRINE_{name.upper()}"
    return Problem(code="setting-invalid", where=variable, message=f"“{value}” is refused: {message}")


def read_secret(path: Path | None) -> str:
    """Return the content of a secret file, stripped; '' for no file; ConfigurationError where it cannot be read."""
    if path is None:
        return ""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"the secret file {path} cannot be read: {error.strerror}") from error
    if not secret:
        raise ConfigurationError(f"the secret file {path} is empty", hint="Write the password on its first line.")
    return secret
