"""Asking for a dataset."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from vitrine.errors import DatasetError
from vitrine.settings import Settings
from vitrine_database.queries import Queries

SQL = Queries("vitrine_evaluation", "queries/datasets.sql")

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

Row = dict[str, Any]


def create(
    connection: psycopg.Connection,
    installation_slug: str,
    first: datetime,
    last: datetime,
    name: str = "",
    title: Mapping[str, str] | None = None,
    created_by: str = "",
) -> Row:
    """Enter a dataset of the time from `first` until before `last` and return its row; DatasetError says why not.

    The caller defers the job `build_dataset`, or builds it directly. Without a name it is called by its days.
    """
    if first.tzinfo is None or last.tzinfo is None:
        raise ValueError("times of a dataset need a time zone")
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    installation = _installation(connection, installation_slug)
    _check_period(connection, installation, first, last)
    name = name or f"{first:%Y%m%d}-{last:%Y%m%d}"
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise DatasetError(
            f"“{name}” cannot be the name of a dataset",
            hint="Small letters, digits and hyphens, at most 60, for example campagne-2026-10.",
        )
    slug = f"vitrine_{installation_slug}_{name}"
    row = _one(
        connection,
        "insert",
        installation=installation["installation_id"],
        slug=slug,
        title=Jsonb(dict(title) if title else _title(installation, first, last)),
        first=first,
        last=last,
        created_by=created_by,
    )
    if row is None:
        raise DatasetError(f"there is a dataset “{slug}” already", hint="Choose another name.")
    return row


def check_kept(connection: psycopg.Connection, installation: Row, first: datetime, last: datetime) -> None:
    """Raise DatasetError where retention has dropped measurements of the period."""
    span = {"installation": installation["installation_id"], "first": first, "last": last}
    if (gone := connection.execute(SQL["dropped"], span).fetchone()) is not None:
        raise DatasetError(
            f"measurements of {installation['slug']} from {gone[0].isoformat()} to {gone[1].isoformat()} were dropped"
            " by its retention, so that the dataset could not be computed again",
            hint="Choose a period outside of it; “vitrine database retention show” tells which rule it was.",
        )


def file_name(row: Row) -> str:
    """Return what the package of a dataset is called."""
    return f"{row['slug']}_v{row['version']}.zip"


def path(settings: Settings, row: Row) -> Path:
    """Return where the package of a dataset is kept, whether it is there yet or not."""
    return settings.data_dir / "datasets" / file_name(row)


def get(connection: psycopg.Connection, dataset_id: int) -> Row:
    """Return the row of a dataset; DatasetError where there is none."""
    row = _one(connection, "dataset", dataset=dataset_id)
    if row is None:
        raise DatasetError(f"there is no dataset with the number {dataset_id}")
    return row


def _installation(connection: psycopg.Connection, slug: str) -> Row:
    row = _one(connection, "installation", slug=slug)
    if row is None:
        raise DatasetError(f"there is no installation “{slug}”", hint="Apply its file with “vitrine catalogue apply”.")
    return row


def _check_period(connection: psycopg.Connection, installation: Row, first: datetime, last: datetime) -> None:
    if first >= last:
        raise DatasetError("the period ends before it begins", hint="Give a later end.")
    if last > datetime.now(UTC):
        raise DatasetError("the period is not over", hint="Give an end that is past.")
    span = {"installation": installation["installation_id"], "first": first, "last": last}
    check_kept(connection, installation, first, last)
    if not connection.execute(SQL["has_measurements"], span).fetchone() == (True,):
        raise DatasetError(
            f"{installation['slug']} has no measurement from {first.isoformat()} to {last.isoformat()}",
            hint="Choose a period in which it measured.",
        )


def _title(installation: Row, first: datetime, last: datetime) -> dict[str, str]:
    name = installation["name"]
    return {
        "fr": f"{name['fr']}, du {first:%Y-%m-%d} au {last:%Y-%m-%d}",
        "en": f"{name['en']}, {first:%Y-%m-%d} to {last:%Y-%m-%d}",
    }


def _one(connection: psycopg.Connection, query: str, **values: object) -> Row | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(SQL[query], values).fetchone()
