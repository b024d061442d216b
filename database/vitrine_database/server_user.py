"""The user of the operating system as which an embedded server runs: not root, as PostgreSQL does not."""

from __future__ import annotations

import fcntl
import os
import pwd
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self, TypedDict

from vitrine.errors import ConfigurationError
from vitrine.logs import logger

#: Made and used where the program runs as root.
OS_USER = "vitrine-postgres"


class AsUser(TypedDict):
    """What `subprocess` wants to know of a user."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


class ServerUser:
    """The user of this process, or that of the server where this is root."""

    def __init__(self, other: pwd.struct_passwd | None = None) -> None:
        self._other = other

    @classmethod
    def of_this_process(cls) -> Self:
        """Return who runs the server; ConfigurationError where there is nobody who can."""
        return cls(_os_user() if os.geteuid() == 0 else None)

    @property
    def process(self) -> AsUser:
        """Return how a program is started as this user."""
        if self._other is None:
            return {"user": None, "group": None, "extra_groups": None}
        return {"user": self._other.pw_uid, "group": self._other.pw_gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make a folder that only this user can open; ConfigurationError where it is another's."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._other is not None:
            os.chown(folder, self._other.pw_uid, self._other.pw_gid)
        elif folder.stat().st_uid != os.geteuid():
            raise ConfigurationError(f"the folder {folder} belongs to another user")

    def open_way(self, target: Path) -> None:
        """Let another user pass through the folders above its own: pass, not list."""
        if self._other is None:
            return
        for folder in target.parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)
                logger("database").warning("folder opened", folder=str(folder), mode="o+x", why=f"runs as {OS_USER}")


def _os_user() -> pwd.struct_passwd:
    with suppress(KeyError):
        return pwd.getpwnam(OS_USER)
    with Path("/etc/passwd").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)  # of two servers that start at once, the second one finds it made
        with suppress(KeyError):
            return pwd.getpwnam(OS_USER)
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OS_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ConfigurationError(
                f"PostgreSQL does not run as root, and the user {OS_USER} cannot be made: {error}",
                hint="Run this as an ordinary user.",
            ) from error
        return pwd.getpwnam(OS_USER)
