"""The named SQL statements of this room."""

from __future__ import annotations

from vitrine_database.queries import Queries

ACCOUNTS = Queries("vitrine_api", "queries/accounts.sql")
CATALOGUE = Queries("vitrine_api", "queries/catalogue.sql")
DATASETS = Queries("vitrine_api", "queries/datasets.sql")
EXPORT = Queries("vitrine_api", "queries/export.sql")
