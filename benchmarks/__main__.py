"""Run benchmarks by name, all of them without a name, and print a table."""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.report import Result, table, write_json

_SHARED = {"__main__", "report"}


def names() -> list[str]:
    """Return the benchmarks that there are."""
    found = pkgutil.iter_modules(benchmarks.__path__)
    return sorted(item.name for item in found if item.name not in _SHARED and not item.name.startswith("_"))


def main() -> int:
    """Run what the command line asks for; 2 where a name is unknown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("name", nargs="*", help=f"which to run: {', '.join(names())}; all of them without a name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON too")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - set(names()))
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(names())}")
    results: list[Result] = []
    for name in arguments.name or names():
        print(f"{name} …", file=sys.stderr, flush=True)
        results += importlib.import_module(f"benchmarks.{name}").run()
    print(table(results))
    if arguments.json:
        write_json(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
