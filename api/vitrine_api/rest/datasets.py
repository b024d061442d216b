"""Datasets: list, detail, build, download."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, Response

from vitrine.settings import Settings
from vitrine_api.accounts import Account, SignedIn, Visitor, visible_to
from vitrine_api.builds import NAME_PATTERN, BuildOrder, order_build
from vitrine_api.database import Connection
from vitrine_api.instants import Instant, period
from vitrine_api.problems import ApiError
from vitrine_api.rest.catalogue import Text
from vitrine_api.rest.requests import installation_row, problems
from vitrine_api.statements import DATASETS

router = APIRouter(tags=["datasets"])
#: Longest period of one dataset.
LIMIT = timedelta(days=3660)

DatasetSlug = Annotated[
    str,
    Path(
        description="Short name of the dataset.",
        max_length=200,
        openapi_examples={"november": {"value": "vitrine_pilote-uf_2026-11"}},
    ),
]


class Dataset(BaseModel):
    """A package of one period of one installation."""

    slug: str = Field(examples=["vitrine_pilote-uf_2026-11"])
    installation: str = Field(examples=["pilote-uf"])
    title: Text
    first_time: datetime = Field(description="Begin, included.")
    last_time: datetime = Field(description="End, not included.")
    state: Literal["provisional", "under_review", "frozen", "validated", "verified", "superseded", "withdrawn"]
    version: str = Field(examples=["1.0.0"])
    build: Literal["queued", "running", "done", "failed"]
    progress: float = Field(description="0 to 1.", examples=[0.4])
    stage: str = Field(description="What the build is doing.")
    error: str
    file_name: str | None
    file_bytes: int | None
    file_sha256: str | None
    rows: int | None = Field(description="Measurements in the package.")
    summary: dict[str, Any] | None = Field(description="What the package states.")
    created_at: datetime
    built_at: datetime | None


class NewDataset(BaseModel):
    """A dataset to be built."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "installation": "pilote-uf",
                    "name": "2026-11",
                    "title": {"fr": "Pilote d’ultrafiltration, novembre 2026", "en": "Ultrafiltration, November 2026"},
                    "from": "2026-11-01T05:00:00Z",
                    "to": "2026-12-01T05:00:00Z",
                }
            ]
        },
    )

    installation: str = Field(max_length=100)
    name: str = Field(pattern=f"^{NAME_PATTERN}$", description="Last part of the slug: small letters, digits, hyphens.")
    title: Text
    first: Instant = Field(alias="from", description="Begin, included.")
    last: Instant = Field(alias="to", description="End, not included.")


@router.get("/datasets", responses=problems())
async def datasets(
    connection: Connection,
    visitor: Visitor,
    installation: Annotated[str | None, Query(description="Only those of this installation.", max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to pass over.")] = 0,
) -> list[Dataset]:
    """List the datasets, newest first."""
    values = {"slug": None, "installation": _clean(installation), "limit": limit, "offset": offset}
    cursor = await connection.execute(DATASETS["datasets"], {**values, **visible_to(visitor)})
    return [Dataset(**row) for row in await cursor.fetchall()]


@router.get("/datasets/{slug}", responses=problems(404))
async def dataset(slug: DatasetSlug, connection: Connection, visitor: Visitor) -> Dataset:
    """Describe one dataset, with the progress of its build."""
    return await _one(slug, connection, visitor)


@router.post("/datasets", status_code=202, responses=problems(403, 404, 409))
async def build(
    request: Request, body: Annotated[NewDataset, Body()], account: SignedIn, connection: Connection, response: Response
) -> Dataset:
    """Ask for a dataset to be built; the answer says where its progress is told."""
    row = await installation_row(connection, body.installation, account)
    order = BuildOrder(
        installation_id=row["installation_id"],
        installation=body.installation,
        organisation=row["organisation"],
        name=body.name,
        title=body.title.model_dump(),
        period=period(body.first, body.last, default=LIMIT, limit=LIMIT),
    )
    slug = await order_build(connection, request.app.state.settings, account, order)
    response.headers["Location"] = f"/api/v1/datasets/{slug}"
    return await _one(slug, connection, account)


@router.head("/datasets/{slug}/download", include_in_schema=False)
@router.get(
    "/datasets/{slug}/download",
    response_class=Response,
    responses={
        200: {
            "description": "The package. Ranges and ETag are supported; `Repr-Digest` holds its SHA-256.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        206: {"description": "The range asked for."},
        304: {"description": "Unchanged since the ETag."},
        416: {"description": "There is no such range."},
        **problems(404, 409),
    },
)
async def download(request: Request, slug: DatasetSlug, connection: Connection, visitor: Visitor) -> Response:
    """Download the package."""
    return package(request, await _one(slug, connection, visitor))


def package(request: Request, found: Dataset) -> Response:
    """Return the file of a dataset, also for the portal; problem 404 or 409 where there is none."""
    if found.build != "done" or not found.file_name or not found.file_sha256:
        raise ApiError("dataset-not-built", 409, slug=found.slug, build=found.build)
    path = package_path(request.app.state.settings, found.file_name)
    if not path.is_file():
        raise ApiError("dataset-missing", 404, slug=found.slug)
    etag = f'"{found.file_sha256}"'
    digest = b64encode(bytes.fromhex(found.file_sha256)).decode()
    headers = {"ETag": etag, "Repr-Digest": f"sha-256=:{digest}:", "Cache-Control": "no-cache"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    # A zip does not become smaller; and ranges count the bytes of the file itself.
    headers["Content-Encoding"] = "identity"
    return FileResponse(path, media_type="application/zip", filename=found.file_name, headers=headers)


def package_path(settings: Settings, file_name: str) -> FilePath:
    """Return where the job worker puts a package of this name."""
    return settings.data_dir / "datasets" / FilePath(file_name).name


async def _one(slug: str, connection: Connection, visitor: Account | None) -> Dataset:
    values = {"slug": _clean(slug), "installation": None, "limit": 1, "offset": 0, **visible_to(visitor)}
    row = await (await connection.execute(DATASETS["datasets"], values)).fetchone()
    if row is None:
        raise ApiError("dataset-unknown", 404, slug=slug)
    return Dataset(**row)


def _clean(text: str | None) -> str | None:
    """Take out what no text of PostgreSQL can hold."""
    return text.replace("\0", "") if text is not None else None
