"""What production starts from: the compose file is accepted, opens only loopback, and has no password of its own."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
FILE = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SECRETS = [
    "VITRINE_DATABASE_PASSWORD",
    "VITRINE_WRITER_DATABASE_PASSWORD",
    "VITRINE_API_DATABASE_PASSWORD",
    "VITRINE_GRAFANA_DATABASE_PASSWORD",
    "VITRINE_GRAFANA_ADMIN_PASSWORD",
    "VITRINE_BROKER_PASSWORD",
]


def compose(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker-compose")
    if program is None:
        message = "docker-compose is not installed (Debian: apt install docker-compose)"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    empty = folder / "env"
    empty.write_text("", encoding="utf-8")
    return subprocess.run(
        [program, "--env-file", str(empty), "-f", str(COMPOSE), "--profile", "demo", "config"],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
    )  # fmt: skip


def test_compose_accepts_the_file(tmp_path: Path) -> None:
    done = compose(tmp_path, **dict.fromkeys(SECRETS, "x"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_no_password_has_a_default(tmp_path: Path, missing: str) -> None:
    done = compose(tmp_path, **{name: "x" for name in SECRETS if name != missing})
    assert done.returncode != 0
    assert "deploy/secrets" in done.stderr


def test_only_loopback_ports_are_opened() -> None:
    ports = [port for service in FILE["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_that_stays_has_a_health_check() -> None:
    lasting = {name for name, service in FILE["services"].items() if service.get("restart") != "no"}
    assert {name for name in lasting if "healthcheck" not in FILE["services"][name]} == set()


def test_every_mounted_file_exists() -> None:
    mounts = [volume.split(":")[0] for service in FILE["services"].values() for volume in service.get("volumes", [])]
    assert [mount for mount in mounts if mount.startswith("./") and not (ROOT / mount).exists()] == []


def test_only_who_migrates_and_who_makes_the_logins_is_the_owner() -> None:
    urls = {
        name: url
        for name, service in FILE["services"].items()
        if (url := service.get("environment", {}).get("VITRINE_DATABASE_URL"))
    }
    assert {"collector", "worker", "api", "catalogue"} <= set(urls)
    assert {name for name, url in urls.items() if url.startswith("postgresql://vitrine:")} == {"migrate"}
    names = [name for name, service in FILE["services"].items() if "VITRINE_DATABASE_PASSWORD" in str(service)]
    assert sorted(names) == ["database", "logins", "migrate"]


@pytest.fixture
def make_secrets(tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Make the passwords in a copy of the repository; return those of `.env`."""
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")

    def make() -> dict[str, str]:
        done = subprocess.run([tmp_path / "deploy" / "secrets"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text(encoding="utf-8").splitlines())
        assert not any(word in done.stderr for word in made.values() if len(word) == 32)
        told = (tmp_path / "deploy" / "secrets.d" / "broker_password").read_text(encoding="utf-8")
        assert told == made["VITRINE_BROKER_PASSWORD"]
        return made

    return make


def test_the_secrets_are_made_once(tmp_path: Path, make_secrets: Callable[[], dict[str, str]]) -> None:
    made = make_secrets()
    assert sorted(made) == sorted(SECRETS)
    assert all(len(word) == 32 for word in made.values())
    assert len(set(made.values())) == len(SECRETS)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert make_secrets() == made


def test_secrets_that_are_there_stay_and_those_that_lack_are_added(
    tmp_path: Path, make_secrets: Callable[[], dict[str, str]]
) -> None:
    kept = {"VITRINE_DATABASE_PASSWORD": "of before", "VITRINE_BROKER_PASSWORD": "a=b", "OTHER": "1"}
    # Without an end of the last line, as some editors leave it.
    (tmp_path / ".env").write_text("\n".join(f"{name}={word}" for name, word in kept.items()), encoding="utf-8")
    made = make_secrets()
    assert made.items() >= kept.items()
    assert set(made) == {*SECRETS, "OTHER"}


def test_the_image_copies_every_room() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line}
    rooms = {path.parents[1].name for path in ROOT.glob("*/vitrine*/py.typed")}
    assert rooms <= copied
