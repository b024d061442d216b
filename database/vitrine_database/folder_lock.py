"""One process at a time on a data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from vitrine.errors import ConfigurationError


def lock(folder: Path) -> IO[str]:
    """Take a data folder for this process until the file is closed; ConfigurationError names who has it."""
    held = (folder / "lock").open("a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.seek(0)
        owner = held.read().strip()
        held.close()
        raise ConfigurationError(
            f"the database in {folder} is in use by the process {owner}",
            hint="Stop that process, or use another folder.",
        ) from error
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    return held
