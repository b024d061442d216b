"""Verification of a package, offline: ``python -m vitrine_evaluation.dataset.verify FILE``.

Needs neither network nor database, only the extra ``verify``: the words of Vitrine, numpy, pint and pyarrow.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from vitrine.errors import DatasetError
from vitrine.i18n import Language, of_environment
from vitrine_evaluation.dataset.findings import Report
from vitrine_evaluation.dataset.verify_files import check_files
from vitrine_evaluation.dataset.verify_indicators import check_indicators
from vitrine_evaluation.dataset.verify_tables import check_description
from vitrine_evaluation.dataset.verify_values import check_values


def verify(path: Path) -> Report:
    """Check a package in every way that needs nothing but itself; DatasetError where there is no file to check."""
    if not path.is_file():
        raise DatasetError(f"there is no file {path}", hint="Name the zip of a dataset.")
    report = Report(path.name)
    try:
        with tempfile.TemporaryDirectory(prefix="vitrine-verify-") as folder:
            _check(report, path, Path(folder))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatasetError(f"{path} cannot be checked: {reason}", hint="It is unpacked in TMPDIR.") from error
    return report


def _check(report: Report, path: Path, folder: Path) -> None:
    unpacked = check_files(report, path, folder)
    if unpacked is None:
        return
    checks = {key: report.check(key) for key in ("descriptor", "observations", "rules", "indicators")}
    description = check_description(checks["descriptor"], unpacked)
    series = None
    if description is None:
        checks["observations"].skip()
        checks["rules"].skip()
    else:
        series = check_values(checks["observations"], checks["rules"], unpacked, description)
    if description is None or series is None:
        checks["indicators"].skip()
    else:
        check_indicators(checks["indicators"], unpacked, description, series)


def tell(report: Report, language: Language, *, as_json: bool = False) -> str:
    """Return the report as text, or as JSON."""
    if as_json:
        return json.dumps(report.json(language), ensure_ascii=False, indent=2, default=str)
    return "\n".join(report.lines(language))


def main(arguments: list[str] | None = None) -> int:
    """Verify the file named on the command line; 0 where it holds what it states."""
    parser = argparse.ArgumentParser(prog="vitrine_evaluation.dataset.verify", description="Verify a dataset, offline.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="report as JSON")
    options = parser.parse_args(arguments)
    try:
        report = verify(options.file)
    except DatasetError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return 1
    language = of_environment(os.environ.get("LC_ALL") or os.environ.get("LANG", ""))
    sys.stdout.write(tell(report, language, as_json=options.json) + "\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
