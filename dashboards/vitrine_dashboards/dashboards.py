"""The dashboards of one installation: overview, quality, gateway."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from vitrine.i18n import LANGUAGES, Language, translate
from vitrine_dashboards import panels
from vitrine_dashboards.panels import PACKAGE, Panel
from vitrine_dashboards.query import DATASOURCE_TYPE, DATASOURCE_UID

_FLAGS = {"1": "flag.pass", "2": "flag.not_evaluated", "3": "flag.suspect", "4": "flag.fail", "9": "flag.missing"}
_STATES = {"0": "state.offline", "1": "state.online"}
_GREY, _WARN, _BAD = "text", "#8F4E00", "#B3241A"


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the head of a dashboard, filled by a query."""

    name: str
    query: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """One dashboard."""

    name: str
    refresh: str
    since: str
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]


_INSTALLATION = Variable("installation", "variable_installation")

SPECS = (
    Spec(
        "overview",
        "5s",
        "now-24h",
        (
            _INSTALLATION,
            Variable("channel", "variable_channel", many=True),
            Variable("indicator", "variable_indicator", many=True),
        ),
        (
            Panel(key="age", kind="stat", query="age", unit="s", width=6, height=4, decimals=0,
                  steps=((None, _GREY), (10, _WARN), (60, _BAD))),
            Panel(key="good", kind="stat", query="good", unit="percentunit", width=6, height=4, decimals=1,
                  steps=((None, _BAD), (0.75, _WARN), (0.9, _GREY))),
            Panel(key="channels", kind="stat", query="channels", unit="none", width=6, height=4),
            Panel(key="waiting", kind="stat", query="waiting", unit="none", width=6, height=4),
            Panel(key="latest", kind="table", query="latest", unit="none", width=24, height=9),
            Panel(key="indicator", kind="curve", query="indicator", unit="none", repeat="indicator"),
            Panel(key="curve", kind="curve", query="curve", unit="none", repeat="channel"),
        ),
    ),
    Spec(
        "quality",
        "1m",
        "now-7d",
        (_INSTALLATION, Variable("channel", "variable_channel", many=True)),
        (
            Panel(key="flags", kind="table", query="flags", unit="none", width=24, height=10),
            Panel(key="hours", kind="bars", query="hours", unit="none", width=24),
            Panel(key="states", kind="states", query="states", unit="none", width=24, height=10, words=_FLAGS),
            Panel(key="tests", kind="table", query="tests", unit="none"),
            Panel(key="changes", kind="table", query="changes", unit="none"),
        ),
    ),
    Spec(
        "gateway",
        "10s",
        "now-24h",
        (_INSTALLATION,),
        (
            Panel(key="online", kind="stat", query="online", unit="none", width=6, height=4,
                  words=_STATES, steps=((None, _BAD), (1, _GREY))),
            Panel(key="queue", kind="stat", query="queue", unit="none", width=6, height=4,
                  steps=((None, _GREY), (1000, _WARN))),
            Panel(key="oldest", kind="stat", query="oldest", unit="s", width=6, height=4, decimals=0,
                  steps=((None, _GREY), (60, _WARN), (3600, _BAD))),
            Panel(key="clock", kind="stat", query="clock", unit="ms", width=6, height=4, decimals=1),
            Panel(key="arrivals", kind="bars", query="arrivals", unit="none", width=24),
            Panel(key="gateways", kind="table", query="gateways", unit="none", width=24, height=6),
            Panel(key="delivery", kind="table", query="delivery", unit="none"),
            Panel(key="losses", kind="table", query="losses", unit="none"),
            Panel(key="rejected", kind="table", query="rejected", unit="none", width=24),
        ),
    ),
)  # fmt: skip


def uid(name: str, language: Language) -> str:
    """Return the stable identity of a dashboard in Grafana."""
    return f"vitrine-{name}-{language}"


def queries(name: str, language: Language) -> dict[str, str]:
    """Return the named SQL of a dashboard and of its variables, with the words of one language in place."""
    found: dict[str, str] = {}
    for file in ("variables", name):
        text = files(PACKAGE).joinpath("queries", f"{file}.sql").read_text(encoding="utf-8")
        parts = re.split(r"^-- (\w+) --\n", text, flags=re.MULTILINE)
        found |= {
            key: _worded(_without_purpose(sql), language) for key, sql in zip(parts[1::2], parts[2::2], strict=True)
        }
    return found


def build(spec: Spec, language: Language) -> dict[str, Any]:
    """Return one dashboard as Grafana's JSON object. Pure: the same input gives the same object."""
    sql = queries(spec.name, language)
    made = (
        builder.Dashboard(translate(PACKAGE, language, f"{spec.name}.title"))
        .uid(uid(spec.name, language))
        .description(translate(PACKAGE, language, f"{spec.name}.description"))
        .tags(["vitrine", language])
        .timezone("browser")
        .refresh(spec.refresh)
        .time(spec.since, "now")
        .week_start("monday")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
    )
    for variable in spec.variables:
        made = made.with_variable(_variable(variable, sql[variable.query], language))
    for number, (panel, place) in enumerate(zip(spec.panels, _places(spec.panels), strict=True), start=1):
        made = made.with_panel(panels.build(panel, spec.name, number, sql[panel.query], language, place))
    document: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    document["schemaVersion"] = 41
    return document


def build_all() -> dict[str, dict[str, Any]]:
    """Return every dashboard in every language, by file name (``overview.fr.json``)."""
    return {f"{spec.name}.{language}.json": build(spec, language) for spec in SPECS for language in LANGUAGES}


def write(document: dict[str, Any]) -> str:
    """Write a dashboard so that two builds can be compared line by line."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _worded(sql: str, language: Language) -> str:
    """Fill in ``$language``, ``$label_<key>``, ``$flag_<code>`` and ``$state_<code>``; Grafana's own variables stay."""
    sql = sql.replace("$language", language)
    sql = re.sub(r"\$label_(\w+)", lambda match: translate(PACKAGE, language, f"label.{match[1]}"), sql)
    sql = re.sub(r"\$flag_(\d)", lambda match: translate(PACKAGE, language, _FLAGS[match[1]]), sql)
    return re.sub(r"\$state_(\d)", lambda match: translate(PACKAGE, language, _STATES[match[1]]), sql)


def _without_purpose(sql: str) -> str:
    return "\n".join(line for line in sql.strip().splitlines() if not line.startswith("-- "))


def _variable(variable: Variable, sql: str, language: Language) -> builder.QueryVariable:
    made = (
        builder.QueryVariable(variable.name)
        .label(translate(PACKAGE, language, f"variable.{variable.name}"))
        .query(sql)
        .datasource(common.DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(variable.many)
        .include_all(variable.many)
    )
    if variable.many:
        made = made.current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    return made


def _places(row: tuple[Panel, ...]) -> list[model.GridPos]:
    places: list[model.GridPos] = []
    x = y = tallest = 0
    for panel in row:
        if x + panel.width > 24:
            x, y, tallest = 0, y + tallest, 0
        places.append(model.GridPos(h=panel.height, w=panel.width, x=x, y=y))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return places
