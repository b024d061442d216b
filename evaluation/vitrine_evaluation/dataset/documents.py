"""Documents for people: README, licence, citation and quality report, in both languages."""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from vitrine.i18n import LANGUAGES, Language, translate
from vitrine.units import UNITS
from vitrine_evaluation.dataset.contents import Contents
from vitrine_evaluation.dataset.licence import licence
from vitrine_evaluation.dataset.request import file_name
from vitrine_evaluation.dataset.summary import FLAGS
from vitrine_evaluation.dataset.tables import moment, write_text

_PLAIN = ("README.fr.md", "README.en.md", "LICENSE.txt", "CITATION.cff")


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("vitrine_evaluation.dataset"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    # A JSON text is a valid YAML text.
    environment.filters["tojson_text"] = lambda text: json.dumps(text, ensure_ascii=False)
    return environment


def write(folder: Path, contents: Contents, summary: dict[str, Any]) -> None:
    """Write all documents."""
    facts = _facts(contents, summary)
    for name in _PLAIN:
        write_text(folder, name, _templates().get_template(name).render(facts))
    for language in LANGUAGES:
        write_text(folder, f"qc/quality-report.{language}.html", _report(language, facts, summary))
    source = contents.installation["file_source"]
    if source:
        write_text(folder, f"installation/{contents.installation['slug']}.toml", source)


def _facts(contents: Contents, summary: dict[str, Any]) -> dict[str, Any]:
    dataset, installation = contents.dataset, contents.installation
    formulas = {definition.indicator.key: definition.indicator.formula for definition in contents.definitions}
    return {
        "title": dataset["title"],
        "name": installation["name"],
        "slug": installation["slug"],
        "municipality": installation["municipality"],
        "organisation": installation["organisation_name"] or installation["organisation"] or installation["slug"],
        "simulated": installation["simulated"],
        "first": moment(dataset["first_time"]),
        "last": moment(dataset["last_time"]),
        "created": moment(dataset["created_at"]),
        "version": dataset["version"],
        "file_name": file_name(dataset),
        "licence": licence(installation["licence"]),
        "rows": summary["rows"],
        "indicators": [row | {"formula": formulas[row["key"]]} for row in summary["indicators"]],
    }


def _report(language: Language, facts: dict[str, Any], summary: dict[str, Any]) -> str:
    channels = [row | {"unit_label": _label(row["unit"])} for row in summary["channels"]]
    return (
        _templates()
        .get_template("quality-report.html")
        .render(
            facts
            | {
                "language": language,
                "title": facts["title"][language],
                "t": partial(translate, "vitrine_evaluation", language),
                "flags": list(FLAGS.values()),
                "channels": channels,
                "number": partial(_number, language),
                "percent": partial(_percent, language),
                "decimal": partial(_decimal, language),
                "lost_records": summary["lost_records"],
                "overrides": summary["overrides"],
            }
        )
    )


def _label(code: str) -> dict[str, str]:
    unit = UNITS.get(code)
    return {"fr": unit.fr, "en": unit.en} if unit else {"fr": code, "en": code}


def _number(language: Language, value: int) -> str:
    return f"{value:,}".replace(",", "\u202f" if language == "fr" else ",")


def _percent(language: Language, part: float, whole: float) -> str:
    share = f"{100.0 * part / whole:.1f}" if whole else "0"
    return f"{share.replace('.', ',')}\u00a0%" if language == "fr" else f"{share}%"


def _decimal(language: Language, value: float | None, decimals: int) -> str:
    if value is None:
        return "—"
    text = f"{value:.{decimals}f}"
    return text.replace(".", ",") if language == "fr" else text
