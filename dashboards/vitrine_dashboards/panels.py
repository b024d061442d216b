"""Panels as data, and their translation into Grafana's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from vitrine.i18n import Language, translate
from vitrine_dashboards.query import DATASOURCE_TYPE, DATASOURCE_UID, Format, SqlQuery, SqlQueryBuilder

PACKAGE = "vitrine_dashboards"
Kind = Literal["stat", "curve", "bars", "states", "table"]
_FORMATS: dict[Kind, Format] = {
    "stat": "table",
    "curve": "time_series",
    "bars": "time_series",
    "states": "time_series",
    "table": "table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel: what it shows, where it stands on Grafana's 24 columns."""

    #: Key of its title and description in the catalogue: ``<dashboard>.<key>.title``.
    key: str
    kind: Kind
    #: Name of its query in the dashboard's SQL file.
    query: str
    #: Grafana's unit, for example ``percentunit``.
    unit: str
    width: int = 12
    height: int = 8
    decimals: int | None = None
    #: Variable over whose values the panel is repeated.
    repeat: str = ""
    #: From which value on which colour: (value, colour); the first applies from −∞.
    steps: tuple[tuple[float | None, str], ...] = ((None, "text"),)
    #: Number → word of the catalogue, for codes such as quality flags.
    words: dict[str, str] = field(default_factory=dict)


def build(panel: Panel, dashboard: str, number: int, sql: str, language: Language, place: model.GridPos) -> Any:  # noqa: ANN401
    """Return the SDK's builder of one panel. `number` is its stable id within the dashboard."""
    made = _MAKERS[panel.kind]()
    made = (
        made.id(number)
        .title(translate(PACKAGE, language, f"{dashboard}.{panel.key}.title"))
        .description(translate(PACKAGE, language, f"{dashboard}.{panel.key}.description"))
        .datasource(common.DataSourceRef(type_val=DATASOURCE_TYPE, uid=DATASOURCE_UID))
        .with_target(SqlQueryBuilder(SqlQuery(sql, _FORMATS[panel.kind])))
        .unit(panel.unit)
        .no_value(translate(PACKAGE, language, "no_value"))
        .thresholds(_thresholds(panel.steps))
        .grid_pos(place)
    )
    if panel.decimals is not None:
        made = made.decimals(panel.decimals)
    if panel.words:
        made = made.mappings([_words(panel.words, language)])
    if panel.repeat:
        made = made.repeat(panel.repeat).repeat_direction("h").max_per_row(2)
    return made


def _curve() -> timeseries.Panel:
    return timeseries.Panel().line_width(1).fill_opacity(0).span_nulls(False).show_points(common.VisibilityMode.NEVER)


def _bars() -> timeseries.Panel:
    stacking = common_builder.StackingConfig().mode(common.StackingMode.NORMAL)
    return timeseries.Panel().draw_style(common.GraphDrawStyle.BARS).fill_opacity(70).line_width(0).stacking(stacking)


def _states() -> statetimeline.Panel:
    return statetimeline.Panel().merge_values(True).row_height(0.8)


def _stat() -> stat.Panel:
    return stat.Panel().graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)


_MAKERS: dict[Kind, Callable[[], Any]] = {
    "stat": _stat,
    "curve": _curve,
    "bars": _bars,
    "states": _states,
    "table": table.Panel,
}


def _thresholds(steps: tuple[tuple[float | None, str], ...]) -> dashboard_builder.ThresholdsConfig:
    return (
        dashboard_builder.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=color) for value, color in steps])
    )


_COLOURS = {"1": "#1B6B57", "2": "#4C6472", "3": "#8F4E00", "4": "#B3241A", "9": "#A9BCC6"}


def _words(words: dict[str, str], language: Language) -> model.ValueMap:
    return model.ValueMap(
        options={
            code: model.ValueMappingResult(
                text=translate(PACKAGE, language, key), index=index, color=_COLOURS.get(code)
            )
            for index, (code, key) in enumerate(words.items())
        }
    )
