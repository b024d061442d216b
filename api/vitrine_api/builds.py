"""Asks for a dataset to be built: its row, then the job that builds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from vitrine.settings import Settings
from vitrine_api.accounts import Account
from vitrine_api.instants import Period
from vitrine_api.problems import ApiError
from vitrine_api.statements import DATASETS
from vitrine_evaluation import jobs
from vitrine_evaluation.dataset.request import SQL as REQUESTS

#: What the last part of a dataset's slug may look like.
NAME_PATTERN = r"[a-z0-9][a-z0-9-]{0,60}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """A dataset that somebody wants."""

    installation_id: int
    installation: str
    organisation: str
    name: str
    title: dict[str, str]
    period: Period

    @property
    def slug(self) -> str:
        """Return the dataset's short name, unique on the platform."""
        return f"vitrine_{self.installation}_{self.name}"


async def order_build(
    connection: AsyncConnection[DictRow], settings: Settings, account: Account, order: BuildOrder
) -> str:
    """Queue a build and return the dataset's slug; problem 403 or 409 where that cannot be."""
    if account.role == "company" and account.organisation != order.organisation:
        raise ApiError("right-missing", 403, role=account.role, allowed="operator, evaluator")
    values: dict[str, Any] = {
        "installation_id": order.installation_id,
        "slug": order.slug,
        "title": Jsonb(order.title),
        "first": order.period.first,
        "last": order.period.last,
        "created_by": account.login,
    }
    await _check_kept(connection, order)
    row = await (await connection.execute(DATASETS["add"], values)).fetchone()
    if row is None:
        raise ApiError("dataset-exists", 409, slug=order.slug)
    try:
        await _defer(settings, row["dataset_id"])
    except BaseException:
        await connection.execute(DATASETS["withdraw"], {"dataset_id": row["dataset_id"]})
        raise
    return order.slug


async def _check_kept(connection: AsyncConnection[DictRow], order: BuildOrder) -> None:
    span = {"installation": order.installation_id, "first": order.period.first, "last": order.period.last}
    gone = await (await connection.execute(REQUESTS["dropped"], span)).fetchone()
    if gone is not None:
        told = {name: moment.isoformat() for name, moment in gone.items()}
        raise ApiError("measurements-dropped", 409, slug=order.installation, **told)


async def _defer(settings: Settings, dataset_id: int) -> None:
    async with jobs.app(settings.database_url, settings).open_async() as app:
        await jobs.defer_build_async(app, dataset_id)
