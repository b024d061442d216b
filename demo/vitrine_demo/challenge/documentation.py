"""The results in the documentation: tables between two marks of a page in each language, and a picture of each site."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vitrine.errors import ConfigurationError
from vitrine.i18n import Language
from vitrine_demo.challenge.picture import picture
from vitrine_demo.challenge.words import Words
from vitrine_gateway.site import Site, load_site
from vitrine_quality import to_json

PAGES: dict[Language, str] = {"en": "docs/en/challenge.md", "fr": "docs/fr/defi.md"}
#: The results without their timelines, from which the tables are written.
SUMMARY = "docs/challenge.json"
BEGIN, END = "<!-- results: vitrine challenge --write-docs -->", "<!-- end of results -->"
#: What is left out of the summary: long lists, and what changes with every word of an example.
_LEFT_OUT = ("truth", "alarms", "file_sha256")


def write(file: Path, result: Mapping[str, Any], root: Path | None = None) -> None:
    """Write the result of one example into the pages; those of others stay as they are."""
    root = root or Path.cwd()
    if not (root / PAGES["en"]).is_file():
        raise ConfigurationError(
            f"there is no {PAGES['en']} in {root}", hint="Run this at the top of a checkout of Vitrine."
        )
    place = root / SUMMARY
    known: dict[str, Any] = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    known[file.stem] = {**summary(result), "rules_sha256": rules_sha256(load_site(file))}
    for language in PAGES:
        image = root / image_of(file.stem, language)
        image.write_text(picture(result, Words(language)), encoding="utf-8")
    known = {stem: known[stem] for stem in sorted(known)}
    place.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for language, name in PAGES.items():
        page = root / name
        page.write_text(with_results(page.read_text(encoding="utf-8"), known, language), encoding="utf-8")


def rules_sha256(site: Site) -> str:
    """Return a hash of what a site's results depend on and its file says: channels, periods and quality rules."""
    said = [
        (device.key, channel.key, channel.unit, channel.every_s, device.device.phase_s, to_json(channel.rules))
        for device in site.devices
        for channel in device.channels
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def summary(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result without its timelines."""
    kept = {key: value for key, value in result.items() if key not in _LEFT_OUT}
    channels = [{key: value for key, value in row.items() if key not in _LEFT_OUT} for row in result["channels"]]
    return {**kept, "channels": channels}


def image_of(stem: str, language: Language) -> str:
    """Return the path of a picture."""
    return f"docs/images/challenge-{stem}.{language}.svg"


def with_results(text: str, known: Mapping[str, Any], language: Language) -> str:
    """Return a page whose results are these."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(known, language)}\n{END}{after}"


def tables(known: Mapping[str, Any], language: Language) -> str:
    """Return the overview, and for each installation a picture and its table by kind of fault."""
    words = Words(language)
    names = ("channel_head", "faults", "found", "false", "rate")
    parts = ["", _head([words.t(f"docs.{name}") for name in names])]
    parts += [_row(_overview(known[stem], words)) for stem in sorted(known)]
    parts += [
        "",
        words.t("docs.every_kind"),
        "",
        _head([words.t(f"column.{one}") for one in ("kind", "faults", "found")]),
    ]
    parts += [_row(cells) for cells in _all_kinds(known, words)]
    for stem in sorted(known):
        parts += _site(stem, known[stem], words)
    return "\n".join([*parts, ""])


def _site(stem: str, result: Mapping[str, Any], words: Words) -> list[str]:
    name = words.of(result["name"])
    image = Path("..", "images", Path(image_of(stem, words.language)).name).as_posix()
    heads = [words.t(f"column.{one}") for one in ("kind", "faults", "found", "delay", "by_test")]
    return [
        "",
        f"### {name}",
        "",
        f"`examples/{stem}.toml` · {words.summary(result)}.",
        "",
        f"![{words.t('picture.title', name=name)}]({image})",
        "",
        _head(heads),
        *(_row(_kind(row, words)) for row in result["kinds"]),
    ]


def _overview(result: Mapping[str, Any], words: Words) -> list[str]:
    total = result["total"]
    rate = words.number(total["false_per_day"], 2)
    return [words.of(result["name"]), str(total["visible"]), words.share(total), str(total["false_alarms"]), rate]


def _all_kinds(known: Mapping[str, Any], words: Words) -> list[list[str]]:
    sums: dict[str, dict[str, int]] = {}
    for result in known.values():
        for row in result["kinds"]:
            one = sums.setdefault(row["kind"], {"visible": 0, "found": 0})
            for key in one:
                one[key] += row[key]
    ranked = sorted(sums.items(), key=lambda item: (-item[1]["found"] / max(1, item[1]["visible"]), item[0]))
    return [[words.kind(kind), str(one["visible"]), words.share(one)] for kind, one in ranked]


def _kind(row: Mapping[str, Any], words: Words) -> list[str]:
    by_test = ", ".join(f"{words.test(test)} {count}" for test, count in row["by_test"].items())
    return [words.kind(row["kind"]), str(row["visible"]), words.share(row), words.delay(row), by_test]


def _head(cells: Sequence[str]) -> str:
    return f"{_row(cells)}\n|{'---|' * len(cells)}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
