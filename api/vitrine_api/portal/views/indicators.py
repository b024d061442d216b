"""Indicators: last hour, last day, and thirty days as bars, never without their coverage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vitrine_api.portal.charts.figure import Tick
from vitrine_api.portal.charts.scale import Scale
from vitrine_api.portal.site import Page

DAYS = 30
#: Coverage under which a day is marked as doubtful.
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Reading:
    """A value with its period and coverage, in words."""

    text: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One day of the bars, in percent of the plot; `top` is None where there is no value."""

    left: float
    middle: float
    top: float | None
    height: float
    sure: bool
    label: str
    text: str
    coverage: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Thirty days of one indicator."""

    key: str
    sub: str
    desc: str
    width: float
    points: list[Point]
    y_ticks: list[Tick]
    x_ticks: list[Tick]


@dataclass(frozen=True, slots=True)
class Shown:
    """One indicator."""

    name: str
    unit: str
    formula: str
    version: int
    reference: str
    hour: Reading
    day: Reading
    bars: Bars | None


def shown(
    page: Page,
    row: Mapping[str, Any],
    hours: Sequence[Mapping[str, Any]],
    days: Sequence[Mapping[str, Any]],
) -> Shown:
    """Prepare one indicator; the hour and the day that are not over are left out."""
    now = page.formats.now
    whole_hours = [value for value in hours if value["bucket"] + timedelta(hours=1) <= now]
    whole_days = [value for value in days if value["bucket"] + timedelta(days=1) <= now]
    return Shown(
        name=page.of(row["name"]) or row["key"],
        unit=page.formats.unit(row["unit"]),
        formula=row["formula"],
        version=row["version"],
        reference=row["reference"],
        hour=_reading(page, row, whole_hours, "hour"),
        day=_reading(page, row, whole_days, "day"),
        bars=bars(page, row, whole_days) if whole_days else None,
    )


def _reading(page: Page, row: Mapping[str, Any], values: Sequence[Mapping[str, Any]], period: str) -> Reading:
    f = page.formats
    if not values:
        return Reading(page.t("indicators.not_yet"), "")
    last = values[-1]
    coverage = page.t("indicators.coverage", share=f.percent(last["coverage"]))
    if period == "day":
        when = page.t("indicators.on_day", day=last["bucket"].date().isoformat())
    else:
        end = last["bucket"] + timedelta(hours=1)
        when = page.t("indicators.at_hour", first=f.minute(last["bucket"]), last=f.minute(end))
    if last["value"] is None:
        return Reading(page.t("indicators.no_value"), f"{when}, {coverage}")
    return Reading(f.number(last["value"], row["decimals"]), f"{when}, {coverage}")


def bars(page: Page, row: Mapping[str, Any], values: Sequence[Mapping[str, Any]]) -> Bars:
    """Draw the last thirty UTC days that are over."""
    f = page.formats
    by_bucket = {value["bucket"]: value for value in values}
    last = max(by_bucket)
    buckets = [last - timedelta(days=DAYS - 1 - place) for place in range(DAYS)]
    known = [value["value"] for value in values if value["value"] is not None]
    scale = Scale.over([0.0, *known])
    points = [_point(page, row, scale, place, bucket, by_bucket.get(bucket)) for place, bucket in enumerate(buckets)]
    zero = round(100 * (1 - scale.height(0)), 2)
    y_ticks = [
        Tick(at, f.number(tick, scale.decimals), minor=at == zero)
        for tick in scale.ticks
        for at in [round(100 * (1 - scale.height(tick)), 2)]
    ]
    x_ticks = [
        Tick(round((place + 0.5) / DAYS * 100, 2), f.tick_day(bucket.date()), minor=number % 2 == 1)
        for number, (place, bucket) in enumerate(list(enumerate(buckets))[1::4])
    ]
    unit = f.unit(row["unit"])
    sub = page.t("indicators.bars_sub", unit=f"{unit}, " if unit else "")
    desc = (
        page.t("indicators.bars_desc_none")
        if not known
        else page.t(
            "indicators.bars_desc",
            low=f.quantity(min(known), row["decimals"], row["unit"]),
            high=f.quantity(max(known), row["decimals"], row["unit"]),
            without=f.number(DAYS - len(known)),
        )
    )
    return Bars(f"i{row['indicator_id']}", sub, desc, round(80 / DAYS, 2), points, y_ticks, x_ticks)


def _point(
    page: Page, row: Mapping[str, Any], scale: Scale, place: int, bucket: datetime, value: Mapping[str, Any] | None
) -> Point:
    f = page.formats
    number = value["value"] if value else None
    coverage = value["coverage"] if value else None
    left = (place + 0.1) / DAYS * 100
    zero, top = scale.height(0), scale.height(number) if number is not None else None
    return Point(
        left=round(left, 2),
        middle=round((place + 0.5) / DAYS * 100, 2),
        top=None if top is None else round(100 * (1 - max(top, zero)), 2),
        height=0.0 if top is None else round(100 * abs(top - zero), 2),
        sure=coverage is not None and coverage >= SURE,
        label=bucket.date().isoformat(),
        text=f.number(number, row["decimals"]) or page.t("indicators.no_value" if value else "indicators.not_yet"),
        coverage=f.percent(coverage) if coverage is not None else page.t("indicators.not_yet"),
    )
