"""The application in a real uvicorn, in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Served:
    """A running server."""

    url: str
    process: subprocess.Popen


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[Served]:
    """Run `vitrine api run` on a free port until the block ends."""
    environment = {
        **os.environ,
        "VITRINE_DATABASE_URL": database_url,
        "VITRINE_DATA_DIR": str(folder),
        "LANG": "en_CA.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "tests.api.vitrine_command", "api", "run", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, "the server did not say its address"
            yield Served(found[0], process)
        finally:
            if process.poll() is None:
                process.kill()
