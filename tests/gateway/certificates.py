"""Throw-away certificates, made by the openssl command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it has signed: a server named `instrument.test`, and a client."""

    authority: str
    server: str
    server_key: str
    client: str
    client_key: str
    stranger: str


def make_certificates(folder: Path) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not here; Debian package openssl")

    def path(name: str) -> str:
        return str(folder / f"{name}.pem")

    def run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for authority in ("authority", "stranger"):
        run(*new, "-subj", f"/CN={authority}", "-keyout", path(f"{authority}-key"), "-out", path(authority))
    for name, alternative in (("server", "DNS:instrument.test"), ("client", "DNS:gateway.test")):
        run(
            *new,
            *("-CA", path("authority"), "-CAkey", path("authority-key"), "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName={alternative}", "-addext", "basicConstraints=CA:FALSE"),
            *("-keyout", path(f"{name}-key"), "-out", path(name)),
        )
    return Certificates(
        path("authority"), path("server"), path("server-key"), path("client"), path("client-key"), path("stranger")
    )
