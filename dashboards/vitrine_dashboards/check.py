"""Checking dashboards: what a reader of one would miss, and each panel's SQL against a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from vitrine.errors import Problem
from vitrine_dashboards.macros import expand


def lint(name: str, document: dict[str, Any]) -> Iterator[Problem]:
    """Yield what a dashboard lacks: every panel needs an id, a title, a description, a unit and a text for no value."""
    numbers = [panel.get("id") for panel in document["panels"]]
    if len(set(numbers)) != len(numbers):
        yield Problem(code="panel-id-repeated", message="two panels have one id", where=name)
    for panel in document["panels"]:
        defaults = panel.get("fieldConfig", {}).get("defaults", {})
        given = {
            "id": panel.get("id"),
            "title": panel.get("title"),
            "description": panel.get("description"),
            "datasource": panel.get("datasource", {}).get("uid"),
            "unit": defaults.get("unit"),
            "noValue": defaults.get("noValue"),
        }
        for key, value in given.items():
            if not value:
                yield Problem(code="panel-incomplete", message=f"{key} is missing", where=name, key=str(panel["title"]))
        for target in panel["targets"]:
            if "SELECT *" in target["rawSql"].upper():
                yield Problem(code="panel-select-all", message="SELECT * is not stable", where=name, key=panel["title"])


def run(
    name: str, document: dict[str, Any], connection: psycopg.Connection[Any], installation: str
) -> Iterator[Problem]:
    """Yield each panel or variable whose SQL the database refuses, or whose columns Grafana cannot use."""
    variables: dict[str, str | list[str]] = {"installation": installation}
    for variable in document["templating"]["list"]:
        rows, problem = _rows(connection, expand(variable["query"], **_period(), variables=variables))
        if problem or not rows:
            yield _problem(name, f"variable {variable['name']}", problem or "its query gives nothing to choose from")
        elif variable["name"] != "installation":
            values = [str(row[1]) for row in rows]
            variables[variable["name"]] = values
    for panel in document["panels"]:
        chosen = dict(variables)
        if repeated := panel.get("repeat"):
            chosen[repeated] = list(chosen[repeated][:1])
        for target in panel["targets"]:
            yield from _target(
                name, panel["title"], target, connection, expand(target["rawSql"], **_period(), variables=chosen)
            )


def _target(
    name: str, title: str, target: dict[str, Any], connection: psycopg.Connection[Any], sql: str
) -> Iterator[Problem]:
    if "$" in sql:
        yield _problem(name, title, f"a variable is left: {sql[sql.index('$') :][:40]}")
        return
    try:
        cursor = connection.execute(sql.encode())
    except psycopg.Error as error:
        connection.rollback()
        yield _problem(name, title, str(error).splitlines()[0])
        return
    columns = [column.name for column in cursor.description or ()]
    if target["format"] == "time_series" and columns[:1] != ["time"]:
        yield _problem(name, title, f"the first column of a curve must be “time”, not {columns[:1]}")


def _rows(connection: psycopg.Connection[Any], sql: str) -> tuple[list[tuple[Any, ...]], str]:
    try:
        return connection.execute(sql.encode()).fetchall(), ""
    except psycopg.Error as error:
        connection.rollback()
        return [], str(error).splitlines()[0]


def _problem(name: str, place: str, message: str) -> Problem:
    return Problem(code="panel-sql", message=message, where=name, key=place)


def _period() -> dict[str, Any]:
    end = datetime.now(UTC)
    return {"start": end - timedelta(days=1), "end": end, "interval_s": 300}
