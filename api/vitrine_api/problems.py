"""Problems that the interface tells, as RFC 9457 `application/problem+json` in French or English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from vitrine.errors import Problem, VitrineError
from vitrine.i18n import Language, catalogue, preferred, translate

PACKAGE = "vitrine_api"
MEDIA_TYPE = "application/problem+json"


class ApiError(VitrineError):
    """A request cannot be answered; the words come from ``messages/``, tables `problem.<code>`."""

    def __init__(
        self,
        code: str,
        status: int,
        *,
        errors: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        self.code = code
        self.status = status
        self.values = values
        self.headers = dict(headers or {})
        super().__init__(self.told("en", "detail"), hint=self.told("en", "hint"), problems=errors)

    def told(self, language: Language, part: str) -> str:
        """Return `title`, `detail` or `hint` in one language."""
        key = f"problem.{self.code}.{part}"
        return catalogue(PACKAGE, language)[key].format(**self.values)


class ErrorItem(BaseModel):
    """One single mistake of a request."""

    code: str = Field(examples=["parameter-unknown"])
    where: str = Field(examples=["query"])
    key: str = Field(examples=["resolutoin"])
    message: str = Field(examples=["This parameter does not exist here."])
    allowed: str = Field(examples=["channel, from, to, resolution, format"])


class ProblemBody(BaseModel):
    """The one form of every error (RFC 9457)."""

    type: str = Field(examples=["urn:vitrine:problem:not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not-found"])
    detail: str = Field(examples=["There is no installation “pilote-xx”."])
    errors: list[ErrorItem] = []
    hint: str = Field(examples=["The list is at /api/v1/installations."])
    reference: str | None = Field(default=None, examples=["8f14e45f"])


def language_of(request: Request) -> Language:
    """Choose the language of an answer: the visitor's cookie, then Accept-Language, then French."""
    chosen = request.cookies.get("language", "")
    if chosen == "fr":
        return "fr"
    return "en" if chosen == "en" else preferred(request.headers.get("accept-language", ""))


def problem_body(problem: ApiError, language: Language) -> ProblemBody:
    """Return what a problem says in one language."""
    return ProblemBody(
        type=f"urn:vitrine:problem:{problem.code}",
        title=problem.told(language, "title"),
        status=problem.status,
        code=problem.code,
        detail=problem.told(language, "detail"),
        errors=[_item(error, language) for error in problem.problems],
        hint=problem.told(language, "hint"),
        reference=_reference(problem),
    )


def problem_response(request: Request, problem: ApiError) -> Response:
    """Return a problem as JSON."""
    language = language_of(request)
    body: dict[str, Any] = problem_body(problem, language).model_dump(exclude_none=True)
    headers = {**problem.headers, "Content-Language": language, "Vary": "Accept-Language", "Cache-Control": "no-store"}
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _item(error: Problem, language: Language) -> ErrorItem:
    key = f"api.error.{error.code}"
    message = translate(PACKAGE, language, key) if key in catalogue(PACKAGE, language) else error.message
    return ErrorItem(code=error.code, where=error.where, key=error.key, message=message, allowed=error.allowed)


def _reference(problem: ApiError) -> str | None:
    reference = problem.values.get("reference")
    return str(reference) if reference else None
