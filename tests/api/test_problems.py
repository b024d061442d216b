"""Every error has one form, two languages, all headers and no stack trace."""

import ast
import re
from importlib.resources import files
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from tests.api.conftest import speaking_to
from vitrine.errors import VitrineError
from vitrine.i18n import catalogue
from vitrine.settings import Settings
from vitrine_api.app import create_app

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
KEYS = {"type", "title", "status", "code", "detail", "errors", "hint"}


def check(answer: httpx.Response, status: int, code: str) -> dict:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) - {"reference"} == KEYS
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"urn:vitrine:problem:{code}"
    assert all(body[key] for key in ("title", "detail", "hint"))
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    return body


async def test_nothing_there(client: httpx.AsyncClient):
    body = check(await client.get("/api/v1/instalations"), 404, "not-found")
    assert "/api/v1/instalations" in body["detail"]


async def test_method_not_allowed(client: httpx.AsyncClient):
    answer = await client.delete("/api/v1/installations", headers={"Sec-Fetch-Site": "same-origin"})
    check(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(("language", "title"), [("fr", "Installation inconnue"), ("en", "Unknown installation")])
async def test_the_language_is_the_visitors(app: FastAPI, language: str, title: str):
    async with speaking_to(app, language) as client:
        answer = await client.get("/api/v1/installations/nulle-part")
    body = check(answer, 404, "installation-unknown")
    assert body["title"] == title
    assert "nulle-part" in body["detail"]
    assert answer.headers["content-language"] == language


async def test_the_cookie_of_the_portal_wins_over_the_browser(app: FastAPI):
    async with speaking_to(app, "en") as client:
        client.cookies.set("language", "fr")
        answer = await client.get("/api/v1/installations/x")
    assert answer.json()["title"] == "Installation inconnue"


@pytest.mark.parametrize("slug", ["%00", "a%00b", "{0}", "%7Bslug%7D", "'; DROP TABLE account; --", "é" * 60])
async def test_strange_names_are_just_unknown(client: httpx.AsyncClient, slug: str):
    check(await client.get(f"/api/v1/installations/{slug}"), 404, "installation-unknown")


async def test_unexpected_failure_gives_a_reference_that_is_in_the_log(
    app: FastAPI, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
):
    @app.get("/api/v1/broken")
    async def broken() -> None:
        raise RuntimeError("secret detail")

    answer = await client.get("/api/v1/broken")
    body = check(answer, 500, "internal")
    assert "secret detail" not in answer.text
    assert re.fullmatch(r"[0-9a-f]{8}", body["reference"])
    assert body["reference"] in body["detail"]
    told = capsys.readouterr()
    assert body["reference"] in told.out + told.err
    assert "secret detail" in told.out + told.err


async def test_errors_of_other_rooms_are_told_with_their_words(app: FastAPI, client: httpx.AsyncClient):
    @app.get("/api/v1/refusing")
    async def refusing() -> None:
        raise VitrineError("the {braces} are too long")

    body = check(await client.get("/api/v1/refusing"), 422, "refused")
    assert "the {braces} are too long" in body["detail"]


async def test_old_schema_says_what_to_run(client: httpx.AsyncClient, url: str):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE latest RENAME TO newest")
    body = check(await client.get("/api/v1/installations/pilote-uf/latest"), 503, "schema-old")
    assert "vitrine database migrate" in body["hint"]


async def test_query_that_takes_too_long(app: FastAPI, client: httpx.AsyncClient):
    @app.get("/api/v1/slow")
    async def slow() -> None:
        raise psycopg.errors.QueryCanceled("canceling statement due to statement timeout")

    body = check(await client.get("/api/v1/slow"), 503, "query-too-long")
    assert "15 s" in body["detail"]


async def test_without_database_the_application_answers_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vitrine_api.database.PATIENCE_S", 0.2)
    nowhere = f"postgresql:///vitrine?host={tmp_path}"
    app = create_app(Settings(VITRINE_DATABASE_URL=nowhere, data_dir=tmp_path))  # type: ignore[call-arg]
    async with app.router.lifespan_context(app), speaking_to(app) as client:
        answer = await client.get("/api/v1/installations")
        check(answer, 503, "database-unreachable")
        assert answer.headers["retry-after"] == "5"
        check(await client.get("/health/ready"), 503, "database-unreachable")
        assert (await client.get("/health/live")).json() == {"status": "ok"}


async def test_ready_needs_the_schema_of_this_version(client: httpx.AsyncClient, url: str):
    assert (await client.get("/health/ready")).json() == {"status": "ok"}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_migration WHERE name = (SELECT max(name) FROM schema_migration)")
    check(await client.get("/health/ready"), 503, "schema-old")


def test_every_problem_has_its_words_in_both_languages():
    french, english = catalogue("vitrine_api", "fr"), catalogue("vitrine_api", "en")
    assert french.keys() == english.keys()
    for key, text in french.items():
        placeholders = re.compile(r"(?<!{){[a-z_]+}(?!})")
        assert sorted(placeholders.findall(text)) == sorted(placeholders.findall(english[key])), key
        assert "'" not in text, f"{key}: the apostrophe is ’"
        assert not re.search(r"[^\u00a0\d/]:(?!/)| :|« | »", text), f"{key}: a no-break space belongs there"


def test_every_problem_that_is_raised_has_words():
    words = catalogue("vitrine_api", "fr")
    root = Path(str(files("vitrine_api")))
    codes = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ApiError":
                first = node.args[0]
                codes |= {first.value} if isinstance(first, ast.Constant) else set()
    assert len(codes) > 15
    missing = [
        code for code in codes if any(f"problem.{code}.{part}" not in words for part in ("title", "detail", "hint"))
    ]
    assert missing == []
