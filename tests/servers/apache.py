"""TimescaleDB, Apache edition: Debian's package, installed or unpacked into the cache, run in a bubblewrap sandbox."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from .cache import cached
from .model import Server, Unavailable
from .process import last_lines

SUITE = "trixie"  # the first Debian with the package
PACKAGES = "dash,postgresql-17,postgresql-17-timescaledb"
BIN = "/usr/lib/postgresql/17/bin"
EXTENSION = "usr/lib/postgresql/17/lib/timescaledb.so"
LONGEST_SOCKET = 107  # sun_path, unix(7)

SETTINGS = {
    "listen_addresses": "",
    "jit": "off",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    # A scheduler stays connected to each database with the extension, and such a database cannot be a template.
    "timescaledb.max_background_workers": "0",
}


def _mirror() -> list[str]:
    """Return the Debian mirror that this machine's apt uses; without one mmdebstrap takes its own default."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    if shutil.which("apt-get") is None:
        return []
    found = subprocess.run([*asked, "Origin: Debian", "Label: Debian"], capture_output=True, text=True, check=False)
    return [uri for uri in found.stdout.split() if uri.startswith("http")][:1]


def _unpack(folder: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise Unavailable(
            "TimescaleDB, Apache edition: neither postgresql-17-timescaledb (Debian 13) nor mmdebstrap is installed",
            "apt-get install mmdebstrap bubblewrap",
        )
    # chrootless needs neither root nor subordinate user ids; root needs no such trick.
    mode = "root" if os.geteuid() == 0 else "chrootless"
    done = subprocess.run(
        ["mmdebstrap", f"--mode={mode}", "--variant=extract", f"--include={PACKAGES}", SUITE, str(folder), *_mirror()],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (folder / EXTENSION).exists():
        reason = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()[-1:]
        raise Unavailable(
            f"TimescaleDB, Apache edition: mmdebstrap could not unpack Debian's package ({' '.join(reason)})",
            "check the network, and that the package debian-archive-keyring is up to date",
        )


def _tree() -> Path:
    if shutil.which("bwrap") is None:
        raise Unavailable(
            "TimescaleDB, Apache edition: bubblewrap is not installed", "apt-get install bubblewrap mmdebstrap"
        )
    if Path("/", EXTENSION).exists():
        return Path("/")
    return cached(f"timescaledb-apache-{SUITE}", _unpack)


def _sandbox(tree: Path, *writable: Path) -> list[str]:
    """Return the command that runs another one from `tree`, not as root, with write access to the folders only."""
    command = ["bwrap", "--die-with-parent", "--unshare-user", "--uid", "65534", "--gid", "65534"]
    command += ["--ro-bind", str(tree / "usr"), "/usr", "--ro-bind", "/etc", "/etc"]
    for name in ("bin", "lib", "lib64", "sbin"):
        command += ["--symlink", f"usr/{name}", f"/{name}"]
    command += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for folder in writable:
        command += ["--bind", str(folder), str(folder)]
    return command


def _initialise(sandbox: list[str], data: Path) -> None:
    if (data / "PG_VERSION").exists():
        return
    options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    command = [*sandbox, f"{BIN}/initdb", "-D", str(data), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        raise Unavailable(
            f"TimescaleDB, Apache edition: the sandbox does not start ({' '.join(reason)})",
            "allow user namespaces on this machine, or run as root",
        )


def _start(command: list[str], log: Path, dsn: str) -> subprocess.Popen[bytes]:
    """Start the server; after a crash it may have to wait until the last processes of the old one are gone."""
    deadline = time.monotonic() + 20
    while True:
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        while process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(dsn).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return process
        process.kill()
        process.wait()
        if time.monotonic() > deadline:
            raise RuntimeError(f"TimescaleDB, Apache edition, does not start: {last_lines(log)}")
        time.sleep(0.2)


@contextmanager
def apache_server(folder: Path, *, durable: bool = False) -> Iterator[Server]:
    """Run TimescaleDB (Apache edition) with its data in `folder`; what an earlier run left there is used again.

    It listens on a Unix socket only. Unless `durable`, it does not wait for the disk: enough to survive kill -9.
    """
    folder = folder.resolve()
    sockets = folder
    if len(str(folder / ".s.PGSQL.5432")) > LONGEST_SOCKET:
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        sockets = Path(tempfile.gettempdir()).resolve() / f"vitrine-{name}"
    tree = _tree()
    for needed in (folder, sockets):
        needed.mkdir(parents=True, exist_ok=True)
    sandbox = _sandbox(tree, folder, sockets)
    data = folder / "data"
    _initialise(sandbox, data)
    command = [*sandbox, f"{BIN}/postgres", "-D", str(data), "-k", str(sockets)]
    for name, value in {**SETTINGS, "fsync": "on" if durable else "off"}.items():
        command += ["-c", f"{name}={value}"]
    dsn = f"postgresql://postgres@/postgres?host={sockets}"
    process = _start(command, folder / "log", dsn)
    # The sandbox shares our process ids, so the server can be asked directly; bubblewrap passes no signal on.
    pid = int((data / "postmaster.pid").read_text().split()[0])
    try:
        yield Server("apache", dsn, folder, pid)
    finally:
        _stop(process, pid)
        if sockets != folder:
            shutil.rmtree(sockets, ignore_errors=True)


def _stop(process: subprocess.Popen[bytes], pid: int) -> None:
    if process.poll() is None:
        # Of a server that was killed, the sandbox may still be there when its first process is gone
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # "fast" shutdown
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
