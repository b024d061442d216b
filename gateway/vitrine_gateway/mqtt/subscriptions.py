"""What each session on a broker of sensors was last subscribed to, so that what is not wanted any more is given up.

A broker keeps the subscriptions of a persistent session, and tells nobody which they are.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path

from vitrine_gateway.safe_file import replace_text


class Subscriptions:
    """A small file; one that is missing or damaged costs no more than old topics that are heard and left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._lock = threading.Lock()  # each source tells of its own, in the thread of its connection

    def stale(self, session: str, wanted: Iterable[str]) -> list[str]:
        """Return the topics that a session has, and should not have."""
        return sorted(set(self._known.get(session, ())) - set(wanted))

    def keep(self, session: str, wanted: Iterable[str]) -> None:
        """Note what a session is subscribed to now."""
        topics = sorted(wanted)
        with self._lock:
            if self._known.get(session) == topics:
                return
            self._known[session] = topics
            replace_text(self._path, json.dumps(self._known))


def _read(path: Path) -> dict[str, list[str]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(document, dict):
        return {}
    return {
        session: [topic for topic in topics if isinstance(topic, str)]
        for session, topics in document.items()
        if isinstance(topics, list)
    }
