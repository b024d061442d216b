"""What the queue remembers beside its records: epoch, numbers set aside, numbers settled."""

from __future__ import annotations

import json
import os
import uuid
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from vitrine.ranges import Ranges
from vitrine_gateway.queue.segment import sync_folder

#: Numbers set aside at a time.
BLOCK = 1000


@dataclass(slots=True)
class State:
    """The content of ``state.json``."""

    epoch: UUID = field(default_factory=uuid.uuid4)
    #: No number above this one has been given away.
    reserved: int = 0
    #: Kernel run in which `reserved` was written; within the same one the files are complete, killed or not.
    boot: str = ""
    #: Last number that was given away, where the queue was closed properly; else 0.
    closed_at: int = 0
    #: Numbers acknowledged, or told as lost.
    settled: Ranges = field(default_factory=Ranges)


def load(folder: Path) -> State | None:
    """Read the state; None where there is none or it is damaged."""
    try:
        checksum, _, text = (folder / "state.json").read_text(encoding="utf-8").partition("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    try:
        if int(checksum, 16) != zlib.crc32(text.encode()):
            return None
        document = json.loads(text)
        return State(
            epoch=UUID(document["epoch"]),
            reserved=int(document["reserved"]),
            boot=str(document["boot"]),
            closed_at=int(document["closed_at"]),
            settled=Ranges.parse(document["settled"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def save(folder: Path, state: State) -> None:
    """Write the state so that a power cut leaves the old or the new one, never half of it."""
    text = json.dumps(
        {
            "epoch": str(state.epoch),
            "reserved": state.reserved,
            "boot": state.boot,
            "closed_at": state.closed_at,
            "settled": str(state.settled),
        }
    )
    path = folder / "state.json"
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(f"{zlib.crc32(text.encode()):08x}\n{text}")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(folder)
