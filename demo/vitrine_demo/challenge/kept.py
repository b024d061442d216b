"""The result of a challenge in the database, where the portal finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_demo", "challenge/queries.sql")


def keep(url: str, slug: str, result: Mapping[str, Any]) -> None:
    """Keep a result, in place of an older one of the same file and seed."""
    words = {
        "slug": slug,
        "seed": result["seed"],
        "file_sha256": result["file_sha256"],
        "result": json.dumps(result, ensure_ascii=False),
    }
    with connect(url, name="vitrine challenge") as connection:
        if connection.execute(_SQL["keep"], words).fetchone() is None:
            raise ConfigurationError(
                f"the database knows no installation “{slug}”",
                hint="Enter it first: vitrine catalogue apply FILE",
            )
