"""``vitrine dashboards``: build, check and push."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vitrine.errors import ConfigurationError, Problem, VitrineError
from vitrine.settings import read_secret, settings
from vitrine_dashboards.check import lint, run
from vitrine_dashboards.dashboards import build_all, write

dashboards = typer.Typer(help="Grafana dashboards as code.", no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Argument(help="Folder for the JSON files.")]


@dashboards.command()
def build(folder: Folder = Path("dashboards/golden")) -> None:
    """Write every dashboard, in both languages, as a JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in build_all().items():
        (folder / name).write_text(write(document), encoding="utf-8")
        Console().print(f"✓ {folder / name}", highlight=False)


@dashboards.command()
def check(
    installation: Annotated[str, typer.Option(help="Slug whose data the queries are run on; default: the first.")] = "",
) -> None:
    """Run each panel's SQL, macros expanded, against the database of VITRINE_DATABASE_URL."""
    from vitrine_database.connection import connect

    problems: list[Problem] = []
    with connect(settings().database_url) as connection:
        slug = installation
        if not slug:
            found = connection.execute("SELECT slug FROM installation ORDER BY slug LIMIT 1").fetchone()
            if found is None:
                raise VitrineError("the database holds no installation yet", hint="Run vitrine catalogue apply FILE.")
            slug = found[0]
        for name, document in build_all().items():
            problems += [*lint(name, document), *run(name, document, connection, slug)]
            Console().print(f"· {name}", highlight=False)
    if problems:
        raise VitrineError(f"{len(problems)} panels have mistakes", problems=problems)
    Console().print("✓ every panel's query runs", highlight=False)


@dashboards.command()
def push() -> None:
    """Send every dashboard to the Grafana of VITRINE_GRAFANA_URL; the same call twice leaves the same state."""
    try:
        from vitrine_dashboards.push import push as send
    except ModuleNotFoundError as error:
        raise VitrineError(
            f"“vitrine dashboards push” needs the package {error.name}",
            hint="In an environment of its own (it takes over urllib3): pip install 'vitrine[dashboards]'",
        ) from error
    token = read_secret(settings().grafana_token_file)
    if not token:
        raise ConfigurationError(
            "there is no token for Grafana", hint="Name the file that holds it in VITRINE_GRAFANA_TOKEN_FILE."
        )
    for address in send(settings().grafana_url, token, build_all()):
        Console().print(f"✓ {address}", highlight=False)
