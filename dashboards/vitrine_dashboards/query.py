"""A PostgreSQL query of a panel: the Foundation SDK has none for this data source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.cog import builder, variants

#: Data source that the provisioning files declare.
DATASOURCE_TYPE = "grafana-postgresql-datasource"
DATASOURCE_UID = "vitrine"

Format = Literal["time_series", "table"]


@dataclass(frozen=True, slots=True)
class SqlQuery(variants.Dataquery):
    """SQL with Grafana's macros, as a panel's target."""

    sql: str
    format: Format
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        """Return the target as Grafana stores it."""
        return {
            "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
            "editorMode": "code",
            "format": self.format,
            "rawQuery": True,
            "rawSql": self.sql,
            "refId": self.ref_id,
        }


@dataclass(frozen=True, slots=True)
class SqlQueryBuilder(builder.Builder[SqlQuery]):
    """What panels of the Foundation SDK take as a target."""

    query: SqlQuery

    def build(self) -> SqlQuery:
        """Return the finished query."""
        return self.query
