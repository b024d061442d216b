"""What every test server has in common."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

Edition = Literal["plain", "apache", "community"]


class Unavailable(Exception):  # noqa: N818 - a state of this machine, not a mistake
    """A server cannot be had on this machine: what is missing, and how to get it."""

    def __init__(self, missing: str, remedy: str) -> None:
        super().__init__(f"{missing}; {remedy}")
        self.missing = missing
        self.remedy = remedy


@dataclass(frozen=True)
class Server:
    """A running database server, reached as its superuser."""

    edition: Edition
    dsn: str  # a URI, database "postgres"
    folder: Path
    pid: int  # the process to kill in a test of a crash; starting again on the same folder gives the same server back

    def database(self, name: str) -> str:
        """Return the URI of another database of this server."""
        if self.edition == "community":
            # It accepts CREATE DATABASE and any name at connection, but all names lead to the one database.
            raise ValueError("the community edition has one database: use template() and clone()")
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{quote(name, safe='')}"))
