"""Reading a TOML file as tables that note their mistakes with their lines."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path as FilePath

from vitrine.errors import Problem
from vitrine.table_reader import Problems, TableReader
from vitrine.toml_source import key_lines


def read_table(path: FilePath) -> tuple[TableReader | None, bytes, Problems]:
    """Return the file's outermost table, its bytes, and the list for its mistakes.

    The table is None where the file cannot be read, or is no TOML; the list then says why.
    """
    problems = Problems(str(path), {})
    raw = b""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        problems.append(Problem(code="unreadable", message=message, where=str(path)))
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 text at byte {error.start}"
        problems.append(Problem(code="not-utf8", message=message, where=str(path)))
    except tomllib.TOMLDecodeError as error:
        problems.append(_syntax(error, path))
    else:
        problems.lines = key_lines(text)
        return TableReader(document, (), problems), raw, problems
    return None, raw, problems


def _syntax(error: tomllib.TOMLDecodeError, path: FilePath) -> Problem:
    line = re.search(r"line (\d+)", str(error))
    message = re.sub(r"\s*\(at .*\)$", "", str(error))
    return Problem(
        code="toml-syntax",
        message=f"not valid TOML: {message}",
        where=str(path),
        line=int(line[1]) if line else 0,
        allowed="TOML 1.0; nothing after this line could be checked",
    )
