"""Grafana's PostgreSQL macros and variables, expanded as its data source does, so that SQL can be run without Grafana.

Source: Grafana documentation, PostgreSQL data source, "Macros" and "Template variables".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def expand(
    sql: str, *, start: datetime, end: datetime, interval_s: int, variables: Mapping[str, str | Sequence[str]]
) -> str:
    """Return SQL that PostgreSQL can run.

    A variable of one value stands as it is within the query's own quotes; one of several values is a quoted list, even
    when only one is chosen.
    """
    since, until = (f"'{moment.isoformat()}'" for moment in (start, end))
    sql = sql.replace("$__timeFrom()", since).replace("$__timeTo()", until)
    sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", lambda match: f"{match[1]} BETWEEN {since} AND {until}", sql)
    sql = re.sub(r"\$__timeGroup(Alias)?\(([\w.]+)\s*,\s*([^,)]+)(?:,\s*\w+)?\)", lambda m: _group(m, interval_s), sql)
    sql = sql.replace("$__interval_ms", str(interval_s * 1000)).replace("$__interval", f"'{interval_s}s'")
    for name, value in variables.items():
        text = value if isinstance(value, str) else ",".join("'" + item.replace("'", "''") + "'" for item in value)
        sql = re.sub(rf"\$(?:{name}\b|{{{name}}})", lambda _, text=text: text, sql)  # type: ignore[misc]  # bound now
    return sql


def _group(match: re.Match[str], interval_s: int) -> str:
    width = match[3].strip().strip("'")
    seconds = interval_s if width == "$__interval" else int(width[:-1]) * _SECONDS[width[-1]]
    alias = ' AS "time"' if match[1] else ""
    return f"floor(extract(epoch from {match[2]})/{seconds})*{seconds}{alias}"
