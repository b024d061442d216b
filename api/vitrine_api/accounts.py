"""Who asks: accounts, sessions in a signed cookie, HTTP Basic for programs, and what each role may see."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Depends, Request

from vitrine_api.attempts import Attempts
from vitrine_api.database import lend
from vitrine_api.passwords import DECOY, password_matches
from vitrine_api.problems import ApiError
from vitrine_api.statements import ACCOUNTS

Role = Literal["operator", "evaluator", "company"]


@dataclass(frozen=True, slots=True)
class Account:
    """A person, or a program of theirs."""

    account_id: int
    login: str
    role: Role
    #: Slug of the organisation; a company sees what is not public of its own organisation only.
    organisation: str = ""

    @property
    def sees_all(self) -> bool:
        """Tell whether installations that are not public are shown whatever their organisation."""
        return self.role in ("operator", "evaluator")


async def current_account(request: Request) -> Account | None:
    """Return who is signed in, or whose login and password the request carries; None for the public."""
    if not hasattr(request.state, "account"):
        request.state.account = await _identify(request)
    account: Account | None = request.state.account
    return account


async def sign_in(request: Request, login: str, password: str) -> Account | None:
    """Begin a session; None where login or password is wrong, problem 429 after too many tries."""
    found = await _check(request, login, password)
    if found is None:
        return None
    account, stamp = found
    request.session.clear()
    request.session.update(login=account.login, stamp=stamp)
    request.state.account = account
    return account


def sign_out(request: Request) -> None:
    """End the session."""
    request.session.clear()
    request.state.account = None


def require(*roles: Role) -> Callable[[Request], Awaitable[Account]]:
    """Return a dependency that gives the account, or tells problem 401 or 403; no role named: any account."""

    async def required(request: Request) -> Account:
        account = await current_account(request)
        if account is None:
            headers = {"WWW-Authenticate": 'Basic realm="vitrine", charset="UTF-8"'}
            raise ApiError("sign-in-needed", 401, headers=headers)
        if roles and account.role not in roles:
            raise ApiError("right-missing", 403, role=account.role, allowed=", ".join(roles))
        return account

    return required


def visible_to(account: Account | None) -> dict[str, Any]:
    """Return the parameters `sees_all` and `organisation` of every query that shows installations."""
    return {
        "sees_all": account is not None and account.sees_all,
        "organisation": account.organisation if account else "",
    }


#: Dependency: the account that asks, or None.
Visitor = Annotated[Account | None, Depends(current_account)]
#: Dependency: any account; problem 401 without one.
SignedIn = Annotated[Account, Depends(require())]


async def _identify(request: Request) -> Account | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return await _by_password(request, credentials)
    if scheme:
        raise ApiError("sign-in-refused", 401)
    login = request.session.get("login")
    row = await _row(request, str(login)) if login else None
    if row is None or _stamp(row) != request.session.get("stamp"):
        return None
    return _account(row)


async def _by_password(request: Request, credentials: str) -> Account:
    try:
        login, _, password = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError as error:
        raise ApiError("sign-in-refused", 401) from error
    found = await _check(request, login, password)
    if found is None:
        raise ApiError("sign-in-refused", 401)
    return found[0]


async def _check(request: Request, login: str, password: str) -> tuple[Account, str] | None:
    attempts: Attempts = request.app.state.attempts
    who = (request.client.host if request.client else "", login)
    attempts.check(who)
    row = await _row(request, login)
    matches = await asyncio.to_thread(password_matches, password, row["password_hash"] if row else DECOY)
    if row is None or not matches:
        attempts.failed(who)
        return None
    attempts.succeeded(who)
    return _account(row), _stamp(row)


async def _row(request: Request, login: str) -> dict[str, Any] | None:
    if "\0" in login:
        return None  # no text of PostgreSQL holds it
    async with lend(request.app.state.pool) as connection:
        cursor = await connection.execute(ACCOUNTS["by_login"], {"login": login})
        return await cursor.fetchone()


def _account(row: dict[str, Any]) -> Account:
    return Account(row["account_id"], row["login"], row["role"], row["organisation"])


def _stamp(row: dict[str, Any]) -> str:
    """Tie a session to the password in force, so that a new password ends it."""
    return hashlib.sha256(row["password_hash"].encode()).hexdigest()[:16]
