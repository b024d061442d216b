"""BagIt (RFC 8493): the checksum of every file, in the two manifests of a bag."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
INFO = "bag-info.txt"
#: Files beside ``data/`` that the tag manifest covers.
TAGS = (INFO, "bagit.txt", MANIFEST)

_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
_PIECE = 1 << 20


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(bag: Path, info: Iterable[tuple[str, str]]) -> None:
    """Make a bag of a folder whose payload lies in ``data/`` already."""
    payload = sorted(path for path in (bag / "data").rglob("*") if path.is_file())
    octets = sum(path.stat().st_size for path in payload)
    lines = [*info, ("Payload-Oxum", f"{octets}.{len(payload)}")]
    _text(bag / "bagit.txt", DECLARATION)
    _text(bag / INFO, "".join(f"{key}: {value}\n" for key, value in lines))
    _text(bag / MANIFEST, manifest(bag, payload))
    _text(bag / TAG_MANIFEST, manifest(bag, [bag / name for name in TAGS]))


def manifest(bag: Path, files: Iterable[Path]) -> str:
    """Return the lines of a manifest."""
    return "".join(f"{sha256(path)}  {path.relative_to(bag).as_posix()}\n" for path in files)


def parse(text: str) -> tuple[dict[str, str], list[int]]:
    """Read a manifest: checksums by file, and the lines (from 1) that are none."""
    found: dict[str, str] = {}
    wrong: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match and match[2] not in found:
            found[match[2]] = match[1]
        else:
            wrong.append(number)
    return found, wrong


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
