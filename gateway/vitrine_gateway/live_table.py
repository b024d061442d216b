"""The live table of a terminal: value, unit, quality and age of every channel."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.table import Table

from vitrine.i18n import Language, translate
from vitrine.quality import names
from vitrine.units import UNITS
from vitrine_gateway.reading import Reading, Sample
from vitrine_gateway.site import Site, SiteChannel

_ROOM = "vitrine_gateway"


@dataclass(slots=True)
class LiveTable:
    """Keeps the latest reading of every channel, and draws them."""

    site: Site
    language: Language
    latest: dict[tuple[str, str], Reading] = field(default_factory=dict)

    def take(self, sample: Sample) -> None:
        """Keep the readings of a sample."""
        for reading in sample.readings:
            self.latest[sample.device, reading.channel] = reading

    def draw(self) -> Table:
        """Return the table as it stands now."""
        words = self.language
        table = Table(title=self.site.installation.name[words], title_justify="left")
        for column in ("device", "channel", "value", "unit", "quality", "age"):
            right = column in ("value", "age")
            table.add_column(translate(_ROOM, words, f"read.{column}"), justify="right" if right else "left")
        for device in self.site.devices:
            for channel in device.channels:
                table.add_row(device.key, channel.name[words], *self._cells(device.key, channel))
            table.add_section()
        return table

    def _cells(self, device: str, channel: SiteChannel) -> tuple[str, str, str, str]:
        unit = UNITS[channel.unit].label(self.language)
        reading = self.latest.get((device, channel.key))
        if reading is None:
            return "…", unit, translate(_ROOM, self.language, "read.waiting"), ""
        age = _number(time.monotonic() - reading.at, 1, self.language) + "\u00a0s"
        if reading.value is None:
            why = ", ".join(translate(_ROOM, self.language, f"test.{test}") for test in names(reading.tests))
            return "—", unit, f"[red]{why}[/]", age
        shown = _number(reading.value, channel.decimals, self.language)
        return shown, unit, self._quality(reading.value, channel), age

    def _quality(self, value: float, channel: SiteChannel) -> str:
        for limits, key, colour in (
            (channel.rules.gross_range_fail, "fail", "red"),
            (channel.rules.gross_range_suspect, "suspect", "yellow"),
        ):
            if limits and not limits[0] <= value <= limits[1]:
                return f"[{colour}]{translate(_ROOM, self.language, f'quality.{key}')}[/]"
        key = "good" if channel.rules.gross_range_fail or channel.rules.gross_range_suspect else "not_evaluated"
        return translate(_ROOM, self.language, f"quality.{key}")


def _number(value: float, decimals: int, language: Language) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace(",", "\u00a0").replace(".", ",") if language == "fr" else text
