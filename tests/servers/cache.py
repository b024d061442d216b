"""The folder that keeps what the test servers unpack, from one run of the tests to the next."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache folder: VITRINE_TEST_CACHE, or `vitrine` in the user's cache."""
    given = os.environ.get("VITRINE_TEST_CACHE")
    if given:
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "vitrine"


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache; if it is not there, let `build` fill it, whole or not at all."""
    home = cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    wanted = home / name
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs of the tests at once download once
        if not wanted.is_dir():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=home))
            try:
                build(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(wanted)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return wanted
