"""Verification of a package's files: archive, bag, checksums."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from vitrine.errors import DatasetError
from vitrine_evaluation.dataset import archive, bag
from vitrine_evaluation.dataset.findings import Check, Report


@dataclass(slots=True)
class Unpacked:
    """A package on disk: its folder, its files, and those that are as the manifests say."""

    folder: Path
    names: set[str] = field(default_factory=set)
    #: Named as unreadable already; nothing more is said of them.
    broken: set[str] = field(default_factory=set)
    sound: set[str] = field(default_factory=set)

    def data(self, name: str) -> Path:
        """Return a payload file by its name below ``data/``."""
        return self.folder / "data" / name

    def has(self, name: str) -> bool:
        """Tell whether a payload file is there and as its manifest says."""
        return f"data/{name}" in self.sound


def check_files(report: Report, path: Path, folder: Path) -> Unpacked | None:
    """Unpack and check everything that needs no understanding of the contents; None where nothing can be read."""
    check = report.check("archive")
    seal = archive.seal_holds(path)
    try:
        names, broken = archive.unpack(path, folder)
    except DatasetError as error:
        check.find("archive_damaged", reason=error.message)
        return None
    unpacked = _place(check, names, broken, folder)
    if unpacked is not None:
        _check_bag(report.check("bag"), unpacked)
        _check_sums(report.check("checksums"), unpacked)
    named = any(other.findings for other in report.checks)
    if seal is None:
        check.find("archive_no_seal")
    elif not seal:
        check.find("archive_changed" if named else "archive_structure")
    return unpacked


def _place(check: Check, names: list[str], broken: dict[str, str], folder: Path) -> Unpacked | None:
    tops = Counter(name.partition("/")[0] for name in names if "/" in name)
    if not tops:
        check.find("no_folder")
        return None
    top = tops.most_common(1)[0][0]
    for name in names:
        if not name.startswith(f"{top}/"):
            check.find("outside", file=name, folder=top)
    for name, reason in broken.items():
        check.find("unreadable", file=_below(name, top), reason=reason)
    if top in ("", ".", ".."):
        return None
    unpacked = Unpacked(folder / top)
    unpacked.broken = {_below(name, top) for name in broken}
    unpacked.names = {_below(name, top) for name in names if name.startswith(f"{top}/")}
    return unpacked


def _below(name: str, top: str) -> str:
    return name.removeprefix(f"{top}/")


def _check_bag(check: Check, unpacked: Unpacked) -> None:
    text = _text(check, unpacked, "bagit.txt")
    if text is not None and text != bag.DECLARATION:
        check.find("declaration")
    payload = [name for name in unpacked.names if name.startswith("data/")]
    info = _text(check, unpacked, bag.INFO)
    if info is None or any(name in unpacked.broken for name in payload):
        return
    octets = sum((unpacked.folder / name).stat().st_size for name in payload)
    stated = next((line[14:] for line in info.splitlines() if line.startswith("Payload-Oxum: ")), "")
    if stated != f"{octets}.{len(payload)}":
        check.find("oxum", stated=stated, found=f"{octets}.{len(payload)}")
    check.note("files", count=len(unpacked.names))


def _check_sums(check: Check, unpacked: Unpacked) -> None:
    """Compare every file with its manifest; name each that is wrong, missing or extra."""
    listed: set[str] = {bag.TAG_MANIFEST}
    for name in (bag.TAG_MANIFEST, bag.MANIFEST):
        text = _text(check, unpacked, name)
        if text is None:
            listed |= {other for other in unpacked.names if other.startswith("data/") == (name == bag.MANIFEST)}
            continue
        sums, wrong = bag.parse(text)
        for line in wrong:
            check.find("manifest_line", file=name, line=line)
        for file, expected in sums.items():
            _check_sum(check, unpacked, file, expected)
        listed |= set(sums)
        required = bag.TAGS if name == bag.TAG_MANIFEST else ()
        for file in set(required) - set(sums):
            check.find("manifest_line", file=name, line=file)
    for file in sorted(unpacked.names - listed - unpacked.broken):
        check.find("extra", file=file)


def _check_sum(check: Check, unpacked: Unpacked, file: str, expected: str) -> None:
    if file in unpacked.broken:
        return
    if file not in unpacked.names:
        check.find("missing", file=file)
    elif bag.sha256(unpacked.folder / file) != expected:
        check.find("wrong_sum", file=file)
    else:
        unpacked.sound.add(file)


def _text(check: Check, unpacked: Unpacked, name: str) -> str | None:
    """Return the text of a small file; None where it is missing or no text, which is noted."""
    if name in unpacked.broken:
        return None
    if name not in unpacked.names:
        check.find("missing", file=name)
        return None
    try:
        return (unpacked.folder / name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        check.find("not_readable", file=name, reason=str(error))
        return None
