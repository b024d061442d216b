"""What the demo says in the terminal, in the language of the terminal."""

from __future__ import annotations

import signal
from threading import Lock

from rich.console import Console

from vitrine.command import language
from vitrine.i18n import translate
from vitrine_demo.processes import Child, last_line


class Terminal:
    """Lines on standard output; safe to use from several threads."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._language = language()
        self._lock = Lock()
        self._shown = -1

    def text(self, key: str, **values: object) -> str:
        """Return one message of the demo."""
        return translate("vitrine_demo", self._language, key, **values)

    def say(self, key: str, style: str = "", **values: object) -> None:
        """Print a message on lines of its own."""
        with self._lock:
            self._end_progress()
            self._console.print(self.text(key, **values), style=style, markup=False)

    def done(self, key: str, **values: object) -> None:
        """Print that a part is ready."""
        self.say("mark.done", what=self.text(key, **values))

    def missing(self, key: str, **values: object) -> None:
        """Print that a part cannot be had, and why."""
        self.say("mark.missing", style="yellow", what=self.text(key, **values))

    def died(self, child: Child, code: int, wait_s: float) -> None:
        """Tell that a process ended by itself."""
        how = signal.Signals(-code).name if code < 0 else str(code)
        self.say(
            "process.died", style="yellow", name=child.name, code=how, wait=f"{wait_s:g}", reason=last_line(child.log)
        )
        self.say("process.log", style="dim", file=child.log)

    def number(self, value: int) -> str:
        """Write a whole number as people read it."""
        return f"{value:,}".replace(",", "," if self._language == "en" else "\N{NARROW NO-BREAK SPACE}")

    def progress(self, share: float, rows: int) -> None:
        """Show how far the history is: on one line in a terminal, every tenth in a file."""
        percent = int(share * 100)
        with self._lock:
            step = 1 if self._console.is_terminal else 10
            if percent // step == self._shown // step:
                return
            self._shown = percent
            bar = "█" * (percent // 4) + "░" * (25 - percent // 4)
            text = self.text("history.progress", bar=bar, percent=percent, rows=self.number(rows))
            self._console.print(text, markup=False, end="\r" if self._console.is_terminal else "\n")

    def _end_progress(self) -> None:
        if self._shown >= 0:
            self._shown = -1
            if self._console.is_terminal:
                self._console.print()
