"""The folder that keeps what the test servers unpack, from one run of the tests to the next."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache folder: VITRINE_TEST_CACHE, or `vitrine` in the user's cache."""
    given = os.environ.get("VITRINE_TEST_CACHE")
    if given:
        return Path(given).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "vitrine"


@contextmanager
def alone(name: str) -> Iterator[Path]:
    """Let one process at a time through, of all that run these tests on this machine; give the cache folder."""
    home = cache_folder()
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield home


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder `name` of the cache; if it is not there, let `build` fill it, whole or not at all."""
    with alone(name) as home:  # two runs of the tests at once download once
        wanted = home / name
        if not wanted.is_dir():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=home))
            try:
                build(unfinished)
                unfinished.chmod(0o755)
                unfinished.rename(wanted)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return wanted
