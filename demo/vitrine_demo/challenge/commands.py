"""``vitrine challenge``: blind faults through the whole way, and what the quality tests of a site find of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console

from vitrine import logs
from vitrine.command import language
from vitrine.durations import seconds
from vitrine.errors import ConfigurationError
from vitrine.installation import Installation
from vitrine.installation_file import load
from vitrine.settings import settings
from vitrine_database.embedded import EmbeddedServer
from vitrine_database.migration import migrate
from vitrine_demo.challenge import documentation, kept
from vitrine_demo.challenge.picture import picture
from vitrine_demo.challenge.report import print_report, progress_text
from vitrine_demo.challenge.result import document_of
from vitrine_demo.challenge.run import Setting, run
from vitrine_demo.challenge.score import score
from vitrine_demo.challenge.words import Words
from vitrine_simulators.faults import KINDS, Fault, load_faults
from vitrine_simulators.faults.truth import line_of

challenge = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

#: A Monday in spring: the figures of a seed do not depend on the day on which they are computed.
BEGIN = datetime(2026, 5, 4, tzinfo=UTC)
EVERY = "30 s"


@challenge.command(help="Send labelled faults through the whole way and report what the quality tests find of them.")
def main(
    files: Annotated[list[Path], typer.Argument(help="Installation files.", show_default=False)],
    seed: Annotated[int, typer.Option(help="The same seed gives the same faults and the same figures.")] = 1,
    days: Annotated[float, typer.Option(min=0.1, max=366, help="Simulated days.")] = 7.0,
    begin: Annotated[datetime, typer.Option("--from", help="First simulated day, in UTC.")] = BEGIN,
    every: Annotated[str, typer.Option(help="No channel is read more often than this; “1 s” takes longest.")] = EVERY,
    faults: Annotated[Path | None, typer.Option(help="Declared faults, in place of blind ones.")] = None,
    truth: Annotated[Path | None, typer.Option(help="File for the truth log of one installation.")] = None,
    image: Annotated[
        Path | None, typer.Option("--picture", help="SVG file for the picture of one installation.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    store: Annotated[bool, typer.Option("--store", help="Keep the results in the database, for the portal.")] = False,
    write_docs: Annotated[bool, typer.Option("--write-docs", help="Write the results into the documentation.")] = False,
) -> None:
    """Run one challenge after another."""
    logs.set_up(level="error")
    if len(files) > 1 and (faults or truth or image):
        raise ConfigurationError(
            "--faults, --truth and --picture belong to one installation", hint="Run one “vitrine challenge” for each."
        )
    start = begin.replace(tzinfo=begin.tzinfo or UTC).timestamp()
    installations = [load(file) for file in files]
    results = []
    for file, installation in zip(files, installations, strict=True):
        declared = _declared(faults, installation) if faults else ()
        setting = Setting(
            seed=seed, begin=start, end=start + days * 86_400.0, at_least_s=_every(every), declared=declared
        )
        result = _one(file, installation, setting, truth)
        results.append(result)
        if store:
            kept.keep(settings().database_url, installation.slug, result)
        if write_docs:
            documentation.write(file, result)
    _tell(results, as_json=as_json, image=image, stored=store)


def _declared(path: Path, installation: Installation) -> list[Fault]:
    declared = load_faults(path, installation)
    others = sorted({fault.kind for fault in declared if KINDS[fault.kind].family != "instrument"})
    if others:
        raise ConfigurationError(
            f"a challenge has no wires, on which faults such as {', '.join(others)} happen",
            hint="Leave them out, or try them live: vitrine simulate FILE --faults FAULTS",
        )
    return declared


def _every(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise ConfigurationError(f"--every: {error}", hint="For example: --every “20 s”") from error


def _one(file: Path, installation: Installation, setting: Setting, truth: Path | None) -> dict[str, Any]:
    words = language()
    console = Console(stderr=True, highlight=False)
    name = installation.name[words]
    with (
        _orderly_end(),
        TemporaryDirectory(prefix="vitrine-challenge-") as folder,
        EmbeddedServer(Path(folder) / "database") as server,
    ):
        migrate(server.url)
        with console.status(progress_text(words, name, 0.0)) as status:
            outcome = run(file, server.url, setting, lambda share: status.update(progress_text(words, name, share)))
    if truth:
        truth.write_text("".join(line_of(one) + "\n" for one in outcome.truth), encoding="utf-8")
    return document_of(outcome, score(outcome))


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does: the server is stopped, its folder removed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(results: list[dict[str, Any]], *, as_json: bool, image: Path | None, stored: bool) -> None:
    words, console = Words(language()), Console(highlight=False)
    if image:
        image.write_text(picture(results[0], words), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(results[0] if len(results) == 1 else results, ensure_ascii=False, indent=1))
        return
    for result in results:
        print_report(console, result, words.language)
        console.print()
    for path in (image,) if image else ():
        console.print(words.t("written", path=path), style="dim", markup=False)
    if stored:
        console.print(words.t("stored"), style="dim", markup=False)
