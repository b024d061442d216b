"""The zip around a bag: the same bytes for the same files, sealed as a whole.

The archive's comment holds the SHA-256 of every byte before it. A manifest inside tells that a file is changed, the
seal that anything is, headers and padding included.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from vitrine.errors import DatasetError

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SEAL = re.compile(rb"vitrine-sha256:([0-9a-f]{64})")
_SEAL_BYTES = len("vitrine-sha256:") + 64
_PIECE = 1 << 20
#: Compressed already.
_STORED = (".parquet", ".gz")

#: What reading a damaged archive can raise.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
    RuntimeError,  # encrypted, or compressed in a way that is not known
)

#: Limits of what is unpacked: more than any package has, less than what harms.
MOST_FILES = 20_000
MOST_RATIO = 200
MOST_BYTES = 1 << 40


def pack(bag: Path, target: Path, progress: Callable[[float], None] = lambda share: None) -> None:
    """Write a bag as a zip that holds one folder; the file appears whole or not at all."""
    files = sorted(
        (path for path in bag.rglob("*") if path.is_file()), key=lambda path: path.relative_to(bag).as_posix()
    )
    total = sum(path.stat().st_size for path in files) or 1
    part = target.with_name(target.name + ".part")
    done = 0
    with zipfile.ZipFile(part, "w", allowZip64=True) as archive:
        for path in files:
            _add(archive, path, f"{bag.name}/{path.relative_to(bag).as_posix()}")
            done += path.stat().st_size
            progress(done / total)
        # Its length must be known while the end of the archive is written.
        archive.comment = b"vitrine-sha256:" + b"0" * 64
    _seal(part)
    part.replace(target)


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
    entry.file_size = path.stat().st_size  # decides whether the entry needs the 64-bit form
    with path.open("rb") as source, archive.open(entry, "w") as sink:
        while piece := source.read(_PIECE):
            sink.write(piece)


def _seal(path: Path) -> None:
    digest = _digest(path)
    with path.open("r+b") as file:
        file.seek(-64, os.SEEK_END)
        file.write(digest.encode())
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    """Return the SHA-256 of everything before the seal."""
    digest, left = hashlib.sha256(), path.stat().st_size - _SEAL_BYTES
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def seal_holds(path: Path) -> bool | None:
    """Tell whether the archive is unchanged; None where it bears no seal."""
    if path.stat().st_size < _SEAL_BYTES:
        return None
    with path.open("rb") as file:
        file.seek(-_SEAL_BYTES, os.SEEK_END)
        seal = _SEAL.fullmatch(file.read())
    return None if seal is None else seal[1].decode() == _digest(path)


def unpack(path: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Unpack into a folder; return the names of the files, and what is wrong with those that cannot be read.

    DatasetError where the archive as a whole cannot be read or would harm.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _refuse(entries, path.stat().st_size)
            broken = {entry.filename: why for entry in entries if (why := _extract(archive, entry, folder))}
    except _DAMAGE as error:
        raise DatasetError(str(error), hint="Download the package again.") from error
    return [entry.filename for entry in entries], broken


def _refuse(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Stop before unpacking what no package holds."""
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES:
        raise DatasetError(f"the archive holds {len(entries)} files", hint=f"A package has at most {MOST_FILES}.")
    if total > MOST_BYTES or total > MOST_RATIO * size + (1 << 20):
        raise DatasetError(f"the archive would unpack to {total} bytes from {size}", hint="This is no package.")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> str:
    """Write one file; return why that is not possible, or ''."""
    target = (folder / entry.filename).resolve()
    if not target.is_relative_to(folder.resolve()) or "\\" in entry.filename or "\0" in entry.filename:
        return "its name leads out of the package"
    if entry.is_dir():
        return "a folder has no place here"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("xb") as sink:
            while piece := source.read(_PIECE):
                sink.write(piece)
    except _DAMAGE as error:
        return str(error) or type(error).__name__
    return ""
