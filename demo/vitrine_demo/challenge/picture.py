"""The picture of a result as a file: an SVG that stands on its own, in the light and in the dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from vitrine_api.portal.charts.challenge import KindRow, Lane, lanes, matrix, ticks
from vitrine_demo.challenge.words import Words

_WIDTH, _LEFT, _RIGHT = 960.0, 250.0, 20.0
_PLOT = _WIDTH - _LEFT - _RIGHT
_HEAD, _LANE, _CELL = 76.0, 30.0, 24.0
_MATRIX_HEAD = 118.0

_STYLE = """
svg{--page:#fff;--ink:#10222B;--soft:#566973;--line:#D3DDE0;--found:#0B5394;--alarm:#8F4E00;--false:#B3241A;
font:13px system-ui,"Segoe UI","Noto Sans","DejaVu Sans",sans-serif}
@media(prefers-color-scheme:dark){svg{--page:#0B1317;--ink:#E8F0F2;--soft:#8FA2AB;--line:#2A3A43;--found:#8FB8FF;
--alarm:#F0B450;--false:#FF8B7C}}
.page{fill:var(--page)}text{fill:var(--ink)}.h{font-size:17px;font-weight:650}.s{fill:var(--soft);font-size:12px}
.e{text-anchor:end}.m{text-anchor:middle}.g{stroke:var(--line)}.found{fill:var(--found)}
.missed{fill:var(--page);stroke:var(--found);stroke-width:1.3}
.hidden{fill:none;stroke:var(--soft);stroke-dasharray:2 2}.alarm{fill:var(--alarm)}.false{fill:var(--false)}
.on{fill:var(--page);font-weight:600}.cell{fill:var(--found)}
"""


def picture(result: Mapping[str, Any], words: Words) -> str:
    """Draw a result: a lane for each channel, and kinds of faults by tests."""
    rows, kinds = lanes(result), matrix(result)
    lanes_end = _HEAD + _LANE * len(rows)
    height = lanes_end + 34.0 + _MATRIX_HEAD + _CELL * len(kinds) + 16.0
    title = words.t("picture.title", name=words.of(result["name"]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {height:g}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(words.summary(result))}</desc><style>{_STYLE}</style>",
        f'<rect class="page" width="{_WIDTH:g}" height="{height:g}"/>',
        _text(20, 28, title, "h"),
        *_key(words),
        *_axis(result, lanes_end),
        *(part for place, lane in enumerate(rows) for part in _lane(lane, _HEAD + _LANE * place, words)),
        *_matrix(kinds, result, lanes_end + 34.0, words),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _text(x: float, y: float, text: str, css: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"' + (f' class="{css}"' if css else "") + f">{escape(text)}</text>"


def _rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">{inner}</rect>'


def _key(words: Words) -> Iterator[str]:
    x = 20.0
    for css, word in (
        ("found", "found"),
        ("missed", "missed"),
        ("hidden", "hidden"),
        ("alarm", "alarm"),
        ("false", "false"),
    ):
        label = words.t(f"picture.{word}")
        if css == "alarm":
            x += 20.0
        yield _rect(x, 41, 14, 9, css)
        yield _text(x + 20, 50, label, "s")
        x += 38.0 + 7.2 * len(label)


def _axis(result: Mapping[str, Any], end: float) -> Iterator[str]:
    for place, day in ticks(result):
        x = _LEFT + _PLOT * place / 100.0
        yield f'<line class="g" x1="{x:.1f}" x2="{x:.1f}" y1="{_HEAD - 4:g}" y2="{end:g}"/>'
        yield _text(x + 3, _HEAD - 6, f"{day:%m-%d}", "s")


def _lane(lane: Lane, top: float, words: Words) -> Iterator[str]:
    yield f'<line class="g" x1="20" x2="{_WIDTH - _RIGHT:g}" y1="{top:g}" y2="{top:g}"/>'
    yield _text(20, top + 19, _short(words.of(lane.row["name"]), 34))
    for fault in lane.faults:
        x, width = _LEFT + _PLOT * fault.x / 100.0, max(2.5, _PLOT * fault.width / 100.0)
        yield _rect(x, top + 5, width, 9, fault.state, words.kind(fault.kind))
    for alarm in lane.alarms:
        x, width = _LEFT + _PLOT * alarm.x / 100.0, max(2.5, _PLOT * alarm.width / 100.0)
        title = ", ".join(map(words.test, alarm.tests))
        yield _rect(x, top + 17, width, 8, "false" if alarm.false else "alarm", title)


def _matrix(kinds: list[KindRow], result: Mapping[str, Any], top: float, words: Words) -> Iterator[str]:
    tests = [row["test"] for row in result["tests"]]
    step = min(96.0, _PLOT / (len(tests) + 2))
    yield _text(20, top, words.t("picture.matrix"), "h")
    head = top + _MATRIX_HEAD - 26.0
    for place, name in enumerate([words.t("picture.any"), *map(words.test, tests)]):
        x = _LEFT + step * (place + 0.5)
        yield f'<text class="s" transform="translate({x:.1f} {head:.1f}) rotate(-35)">{escape(name)}</text>'
    for line, kind in enumerate(kinds):
        y = head + 12.0 + _CELL * line
        yield _text(20, y + 15, words.kind(kind.row["kind"]))
        yield _text(_LEFT - 12, y + 15, str(kind.row["visible"]), "s e")
        shares = [(kind.row["found"], kind.share), *((cell.count, cell.share) for cell in kind.cells)]
        for place, (count, share) in enumerate(shares):
            yield from _cell(_LEFT + step * place, y, step, count, share)


def _cell(x: float, y: float, step: float, count: int, share: float) -> Iterator[str]:
    """Draw a bar whose length is the share that was found; its number stands in it or beside it."""
    if not count:
        yield _text(x + 4, y + 15, "0", "s")
        return
    width = max(4.0, (step - 8.0) * share)
    yield _rect(x + 2, y + 3, width, _CELL - 7, "cell")
    inside = width > 26
    yield _text(x + (8 if inside else 6 + width), y + 15, str(count), "on" if inside else "s")


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
