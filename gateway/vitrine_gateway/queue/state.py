"""What the queue remembers beside its records: epoch, numbers set aside, numbers settled.

Two files are written in turn, in place: a power cut damages one at most, and a disk writes one block where a new file
in place of the old one costs it eight.
"""

from __future__ import annotations

import json
import os
import uuid
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from vitrine.ranges import Ranges
from vitrine_gateway.safe_file import sync_folder

#: Numbers set aside at a time.
BLOCK = 1000
#: The files that hold the state, in turn.
FILES = ("state.json", "state-2.json")


@dataclass(slots=True)
class State:
    """The content of a file of the state; the one with the greatest `serial` is in force."""

    epoch: UUID = field(default_factory=uuid.uuid4)
    #: No number above this one has been given away.
    reserved: int = 0
    #: Kernel run in which `reserved` was written; within the same one the files are complete, killed or not.
    boot: str = ""
    #: Last number that was given away, where the queue was closed properly; else 0.
    closed_at: int = 0
    #: Numbers acknowledged, or told as lost.
    settled: Ranges = field(default_factory=Ranges)
    serial: int = 0


def load(folder: Path) -> State | None:
    """Read the state; None where there is none or all of it is damaged.

    Where the newer file may be the damaged one, more numbers are set aside than the older one knows of.
    """
    held = [state for name in FILES if (state := _read(folder / name))]
    if not held:
        return None
    newest = max(held, key=lambda state: state.serial)
    if len(held) < sum((folder / name).exists() for name in FILES):
        newest.reserved, newest.closed_at, newest.boot = newest.reserved + 2 * BLOCK, 0, ""
    return newest


def exists(folder: Path) -> bool:
    """Tell whether a state was ever written."""
    return any((folder / name).exists() for name in FILES)


def save(folder: Path, state: State) -> None:
    """Write the state and wait until the disk holds it; OSError leaves the one before in force.

    The first time both files are made: later writes then need no room on a full disk.
    """
    serial = state.serial + 1
    document = {
        "serial": serial,
        "epoch": str(state.epoch),
        "reserved": state.reserved,
        "boot": state.boot,
        "closed_at": state.closed_at,
        "settled": str(state.settled),
    }
    text = json.dumps(document)
    content = f"{zlib.crc32(text.encode()):08x}\n{text}\n".encode()
    missing = [name for name in FILES if not (folder / name).exists()]
    for name in dict.fromkeys([FILES[serial % len(FILES)], *missing]):
        _write(folder / name, content)
    if missing:
        sync_folder(folder)
    state.serial = serial


def _write(path: Path, content: bytes) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content.ljust(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fdatasync(file.fileno())


def _read(path: Path) -> State | None:
    try:
        checksum, text, *_ = [*path.read_text(encoding="utf-8").split("\n"), ""]
        if int(checksum, 16) != zlib.crc32(text.encode()):
            return None
        document = json.loads(text)
        return State(
            epoch=UUID(document["epoch"]),
            reserved=int(document["reserved"]),
            boot=str(document["boot"]),
            closed_at=int(document["closed_at"]),
            settled=Ranges.parse(document["settled"]),
            serial=int(document.get("serial", 0)),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
