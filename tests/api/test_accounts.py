"""Who gets in, who does not, and how a session ends."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Form, Request

from tests.api.conftest import PASSWORDS, basic, speaking_to
from vitrine.errors import ConfigurationError
from vitrine.settings import Settings
from vitrine_api.accounts import current_account, sign_in, sign_out
from vitrine_api.attempts import LIMIT, LIMIT_ADDRESS, WINDOW_S, Attempts
from vitrine_api.passwords import DECOY, generate_password, hash_password, password_matches
from vitrine_api.problems import ApiError
from vitrine_api.secret_key import secret_key

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
OURS = {"Origin": "http://vitrine.test"}


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    @app.post("/try/in")
    async def enter(request: Request, login: Annotated[str, Form()], password: Annotated[str, Form()]) -> bool:
        return await sign_in(request, login, password) is not None

    @app.post("/try/out")
    async def leave(request: Request) -> None:
        sign_out(request)

    @app.get("/try/who")
    async def who(request: Request) -> str:
        account = await current_account(request)
        return account.login if account else ""

    async with speaking_to(app) as opened:
        yield opened


async def enter(client: httpx.AsyncClient, login: str, password: str | None = None) -> httpx.Response:
    form = {"login": login, "password": PASSWORDS[login] if password is None else password}
    return await client.post("/try/in", data=form, headers=OURS)


async def who(client: httpx.AsyncClient) -> str:
    return (await client.get("/try/who")).json()


async def test_a_session_begins_with_the_right_password_and_ends_on_request(client: httpx.AsyncClient):
    answer = await enter(client, "eva")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert await who(client) == "eva"
    await client.post("/try/out", headers=OURS)
    assert await who(client) == ""


@pytest.mark.parametrize(("login", "password"), [("eva", "wrong"), ("eva", " "), ("nobody", "x"), ("e\0va", "x")])
async def test_no_session_without_the_right_password(client: httpx.AsyncClient, login: str, password: str):
    answer = await enter(client, login, password)
    assert answer.json() is False
    assert "set-cookie" not in answer.headers
    assert await who(client) == ""


@pytest.mark.parametrize("cookie", ["eyJsb2dpbiI6ICJldmEifQ==.aaaa.bbbb", "eyJsb2dpbiI6ICJldmEifQ==", "x"])
async def test_a_forged_cookie_is_nobody(client: httpx.AsyncClient, cookie: str):
    client.cookies.set("vitrine_session", cookie)
    assert await who(client) == ""


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM account WHERE login = 'eva'",
        f"UPDATE account SET password_hash = '{hash_password('another')}' WHERE login = 'eva'",
    ],
)
async def test_a_session_ends_with_its_account_and_with_its_password(
    client: httpx.AsyncClient, url: str, statement: str
):
    await enter(client, "eva")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
    assert await who(client) == ""


async def test_secure_cookies_on_demand(known: Settings):
    from vitrine_api.app import create_app

    middleware = create_app(known.model_copy(update={"secure_cookies": True})).user_middleware
    assert any(item.kwargs.get("https_only") is True for item in middleware)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Referer": "https://elsewhere.example/form"},
        {"Origin": "http://vitrine.test", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://vitrine.test.elsewhere.example"},
        {"Origin": "https://elsewhere.example", "Authorization": "Basic eDp5"},
    ],
)
async def test_what_changes_something_is_refused_from_elsewhere(client: httpx.AsyncClient, headers: dict):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await client.request(method, "/try/in", data={"login": "eva", "password": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin-refused"), method
        assert "content-security-policy" in answer.headers, method


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        {"Referer": "http://vitrine.test/fr/connexion"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_our_own_pages_may_post(client: httpx.AsyncClient, headers: dict):
    form = {"login": "eva", "password": PASSWORDS["eva"]}
    assert (await client.post("/try/in", data=form, headers=headers)).json() is True


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic ZXZh", "Bearer abc", "Basic ZXZhOndyb25n"])
async def test_wrong_credentials_are_refused_even_for_what_is_public(client: httpx.AsyncClient, value: str):
    answer = await client.get("/api/v1/installations", headers={"Authorization": value})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-refused")


async def test_too_many_wrong_passwords_close_the_door_also_for_the_right_one(client: httpx.AsyncClient):
    for _ in range(LIMIT):
        await enter(client, "eva", "wrong")
    answer = await client.get("/api/v1/installations", auth=basic("eva"))
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-attempts")
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
    assert (await enter(client, "oriane")).json() is True


def test_attempts_are_forgotten_with_time_and_counted_by_address():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for number in range(LIMIT_ADDRESS):
        attempts.failed(("192.0.2.1", f"login{number}"))
    with pytest.raises(ApiError):
        attempts.check(("192.0.2.1", "fresh"))
    attempts.check(("192.0.2.2", "fresh"))
    now[0] = WINDOW_S
    attempts.check(("192.0.2.1", "fresh"))


def test_success_forgets_the_failures_of_that_login():
    attempts = Attempts(lambda: 0.0)
    for _ in range(LIMIT):
        attempts.failed(("192.0.2.1", "eva"))
    attempts.succeeded(("192.0.2.1", "eva"))
    attempts.check(("192.0.2.1", "eva"))


def test_passwords():
    stored = hash_password("é à")
    assert stored.startswith("scrypt$")
    assert stored != hash_password("é à")
    assert password_matches("é à", stored)
    assert not password_matches("e a", stored)
    assert not password_matches("", DECOY)
    assert len(generate_password()) == 23
    assert generate_password() != generate_password()


def test_secret_key_is_made_once_and_for_its_owner_only(tmp_path: Path):
    known = Settings(data_dir=tmp_path / "new")
    key = secret_key(known)
    assert key == secret_key(known)
    assert len(key) >= 48
    assert stat.S_IMODE((tmp_path / "new" / "session.key").stat().st_mode) == 0o600


def test_secret_key_that_cannot_be_made_says_why(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        secret_key(Settings(data_dir=tmp_path / "file" / "below"))
