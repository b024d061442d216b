"""The machine-readable faces of a package: Data Package 2.0, RO-Crate 1.1 metadata, citation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vitrine import __version__
from vitrine_evaluation.dataset.bag import sha256
from vitrine_evaluation.dataset.contents import Contents
from vitrine_evaluation.dataset.layout import CRATE, DESCRIPTOR, OBSERVATION_COLUMNS, SENSORS, TABLES, observation_paths
from vitrine_evaluation.dataset.licence import licence
from vitrine_evaluation.dataset.summary import Measured
from vitrine_evaluation.dataset.tables import moment, write_json

_MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".gz": "application/gzip",
    ".csv": "text/csv",
    ".json": "application/json",
    ".html": "text/html",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".toml": "application/toml",
    ".cff": "application/yaml",
}


def write_package(folder: Path, contents: Contents, measured: Measured) -> None:
    """Write ``datapackage.json``; every other file but the crate's own must be there."""
    dataset, installation = contents.dataset, contents.installation
    terms = licence(installation["licence"])
    write_json(
        folder,
        DESCRIPTOR,
        {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": dataset["slug"].replace("_", "-"),
            "title": dataset["title"]["en"],
            "titles": dataset["title"],
            "description": installation["description"]["en"],
            "version": dataset["version"],
            "state": "provisional",
            "created": moment(dataset["created_at"]),
            "temporal": {"start": moment(dataset["first_time"]), "end": moment(dataset["last_time"])},
            "licenses": [{"name": terms.spdx, "title": terms.title, **({"path": terms.url} if terms.url else {})}],
            "contributors": [{"title": _organisation(contents), "roles": ["producer"]}],
            "sources": [{"title": _source(contents)}],
            "simulated": installation["simulated"],
            "resources": [*_observations(folder, contents, measured), *_tables(folder)],
        },
    )


def _observations(folder: Path, contents: Contents, measured: Measured) -> list[dict[str, Any]]:
    found = []
    for device, channels in contents.devices().items():
        series = [
            {"series_id": row["path"], "unit": row["unit"], "quantity": row["quantity"], "titles": row["name"]}
            for row in sorted(channels, key=lambda row: str(row["path"]))
        ]
        rows = sum(measured.series[row["path"]].rows for row in channels)
        keys = {"fields": "series_id", "reference": {"resource": _name(SENSORS), "fields": "series_id"}}
        schema = {
            "fields": [column.field() for column in OBSERVATION_COLUMNS],
            "missingValues": [""],
            "primaryKey": ["series_id", "time_utc"],
            "foreignKeys": [keys],
        }
        for path in observation_paths(device):
            found.append({**_resource(folder, path, rows), "schema": schema, "series": series})
    return found


def _tables(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path, columns in TABLES.items():
        with (folder / path).open(encoding="utf-8") as file:
            rows = sum(1 for _ in file) - 1
        schema = {"fields": [column.field() for column in columns], "missingValues": [""]}
        found.append({**_resource(folder, path, rows), "schema": schema})
    return found


def _resource(folder: Path, path: str, rows: int) -> dict[str, Any]:
    form = "parquet" if path.endswith(".parquet") else "csv"
    found: dict[str, Any] = {
        "name": _name(path),
        "path": path,
        "format": form,
        "mediatype": _MEDIA[Path(path).suffix],
        "bytes": (folder / path).stat().st_size,
        "hash": f"sha256:{sha256(folder / path)}",
        "rows": rows,
    }
    if form == "csv":
        found |= {"encoding": "utf-8", "dialect": {"delimiter": ",", "lineTerminator": "\n", "header": True}}
    if path.endswith(".gz"):
        found["compression"] = "gz"
    return found


def _name(path: str) -> str:
    return path.lower().replace("/", "-").replace("_", "-").removesuffix(".gz").replace(".", "-")


def write_crate(folder: Path, contents: Contents) -> None:
    """Write ``ro-crate-metadata.json``: the dataset, its files, who made it and with what."""
    dataset, installation = contents.dataset, contents.installation
    terms = licence(installation["licence"])
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CRATE)
    parts = [path.relative_to(folder).as_posix() for path in files]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": dataset["title"]["en"],
        "alternateName": dataset["title"]["fr"],
        "description": installation["description"]["en"] or dataset["title"]["en"],
        "datePublished": moment(dataset["created_at"]),
        "temporalCoverage": f"{moment(dataset['first_time'])}/{moment(dataset['last_time'])}",
        "version": dataset["version"],
        "creativeWorkStatus": "provisional",
        "license": {"@id": terms.url or "LICENSE.txt"},
        "author": {"@id": "#organisation"},
        "hasPart": [{"@id": part} for part in parts],
        "mentions": {"@id": "#build"},
    }
    graph = [
        {
            "@id": CRATE,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        root,
        {"@id": "#organisation", "@type": "Organization", "name": _organisation(contents)},
        {"@id": "#software", "@type": "SoftwareApplication", "name": "Vitrine", "softwareVersion": __version__},
        {
            "@id": "#build",
            "@type": "CreateAction",
            "name": "Build of the package",
            "instrument": {"@id": "#software"},
            "result": {"@id": "./"},
        },
        *([{"@id": terms.url, "@type": "CreativeWork", "name": terms.title}] if terms.url else []),
        *(_file(folder, path, part) for path, part in zip(files, parts, strict=True)),
    ]
    write_json(folder, CRATE, {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})


def _file(folder: Path, path: Path, part: str) -> dict[str, Any]:
    return {
        "@id": part,
        "@type": "File",
        "encodingFormat": _MEDIA[path.suffix],
        "contentSize": str((folder / part).stat().st_size),
    }


def _source(contents: Contents) -> str:
    installation = contents.installation
    if installation["file_sha256"] is None:
        return f"Births of the gateways of {installation['slug']}"
    return f"Installation file {installation['slug']}.toml, SHA-256 {installation['file_sha256']}"


def _organisation(contents: Contents) -> str:
    installation = contents.installation
    return str(installation["organisation_name"] or installation["organisation"] or installation["slug"])
