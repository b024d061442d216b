"""PostgreSQL on a small file system of its own, which a test fills and clears; run in a mount namespace.

Commands come on standard input: `fill` leaves no block free, `clear` takes the filler away and starts the server again
if the full disk has ended it, as a service manager would.
"""

import os
import sys
from pathlib import Path

from vitrine import logs
from vitrine_database.embedded import EmbeddedServer


def main(folder: Path) -> None:
    """Serve until the end of standard input."""
    logs.set_up()  # to standard error
    server = EmbeddedServer(folder)
    filler = folder / "filler"
    print(server.start(), flush=True)
    for line in sys.stdin:
        if line.strip() == "fill":
            _fill(filler)
        else:
            filler.unlink()
            server.start()
        print("done", flush=True)
    server.stop()


def _fill(filler: Path) -> None:
    for size in (1 << 20, 4096):
        with filler.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                os.fsync(file.fileno())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
