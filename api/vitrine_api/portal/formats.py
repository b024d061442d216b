"""Numbers, dates and ages as readers of French and English in Canada expect them.

Times of measurements and events are written in technical notation (2026-11-23, 14:32:07) in both languages, in the
zone of the settings, which a page states once as `UTC−5`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from math import isfinite
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from vitrine.i18n import Language, translate
from vitrine.units import UNITS

PACKAGE = "vitrine_api.portal"
NBSP = "\u00a0"
MINUS = "\u2212"
_SIZES = {"fr": ("o", "ko", "Mo", "Go", "To"), "en": ("B", "kB", "MB", "GB", "TB")}


@dataclass(frozen=True, slots=True)
class Formats:
    """Writes values for one language and one time zone, as of one instant."""

    language: Language
    zone: ZoneInfo
    now: datetime

    @property
    def locale(self) -> str:
        """Babel's name of the locale."""
        return f"{self.language}_CA"

    # Numbers

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Write a number with a fixed count of decimals: ``1 234,5`` or ``1,234.5``; '' for none."""
        if value is None or not isfinite(value):
            return ""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        text = str(format_decimal(round(value, decimals) + 0.0, format=pattern, locale=self.locale))
        return text.replace("\u202f", NBSP).replace("-", MINUS)

    def percent(self, share: float | None, decimals: int = 1) -> str:
        """Write a share of one as percent: ``97,2 %`` or ``97.2%``; rounding never turns less than all into all."""
        if share is None:
            return ""
        step = 10.0**-decimals
        value = share * 100
        if value < 100 <= round(value, decimals):
            value = 100 - step
        return self.number(value, decimals) + (f"{NBSP}%" if self.language == "fr" else "%")

    def unit(self, code: str) -> str:
        """Write a UCUM code as people do; an unknown code as it is."""
        return UNITS[code].label(self.language) if code in UNITS else code

    def quantity(self, value: float | None, decimals: int, code: str) -> str:
        """Write a value with its unit: ``46,2 kPa``."""
        number, unit = self.number(value, decimals), self.unit(code)
        if not unit or not number:
            return number
        return number + unit if unit == "°" or (unit == "%" and self.language == "en") else f"{number}{NBSP}{unit}"

    def size(self, count: int | None) -> str:
        """Write a count of bytes: ``338 Mo``."""
        if count is None:
            return ""
        value, names = float(count), _SIZES[self.language]
        place = 0
        while value >= 999.5 and place < len(names) - 1:
            value, place = value / 1000, place + 1
        return f"{self.number(value, 1 if place and value < 9.95 else 0)}{NBSP}{names[place]}"

    # Times

    def local(self, time: datetime) -> datetime:
        """Return the time in the zone that the pages show."""
        return time.astimezone(self.zone)

    def midnight(self, day: date) -> datetime:
        """Return the first instant of a civil day of that zone, in UTC."""
        return datetime.combine(day, time_of_day.min, self.zone).astimezone(UTC)

    @staticmethod
    def instant(time: datetime) -> str:
        """Write a time as addresses of the interface take it: in UTC, ``2026-11-23T05:00:00Z``."""
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @staticmethod
    def before(time: datetime) -> datetime:
        """Return the last instant of a period that ends before a time, so that its last day can be named."""
        return time - timedelta(microseconds=1)

    def clock(self, time: datetime) -> str:
        """Write hours, minutes and seconds: ``14:32:07``."""
        return self.local(time).strftime("%H:%M:%S")

    def minute(self, time: datetime) -> str:
        """Write hours and minutes: ``14:32``."""
        return self.local(time).strftime("%H:%M")

    def day(self, time: datetime | date) -> str:
        """Write a date in technical notation: ``2026-11-23``."""
        return (self.local(time).date() if isinstance(time, datetime) else time).isoformat()

    def stamp(self, time: datetime) -> str:
        """Write date and time: ``2026-11-23 14:32:07``, its space unbreakable."""
        return f"{self.day(time)}{NBSP}{self.clock(time)}"

    def iso(self, time: datetime) -> str:
        """Write the time for a ``datetime`` attribute, with its offset."""
        return self.local(time).isoformat(timespec="seconds")

    def zone_name(self, time: datetime | None = None) -> str:
        """Write the offset in force at a time: ``UTC−5``."""
        offset = self.local(time or self.now).utcoffset() or timedelta()
        minutes = round(offset.total_seconds() / 60)
        hours, rest = divmod(abs(minutes), 60)
        sign = "+" if minutes >= 0 else MINUS
        return "UTC" if not minutes else f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")

    def tick_day(self, time: datetime | date) -> str:
        """Write a day on an axis: ``10 nov.`` or ``Nov 10``."""
        pattern = "d MMM" if self.language == "fr" else "MMM d"
        day = self.local(time).date() if isinstance(time, datetime) else time
        text = str(format_date(day, format=pattern, locale=self.locale)).replace(" ", NBSP)
        return text if self.language == "fr" else text.replace(".", "")

    def prose_day(self, time: datetime | date) -> str:
        """Write a date for a sentence: ``23 novembre 2026``, ``1er mai 2026`` or ``November 23, 2026``."""
        day = self.local(time).date() if isinstance(time, datetime) else time
        text = str(format_date(day, format="long", locale=self.locale))
        if self.language == "fr" and day.day == 1 and text.startswith("1 "):
            text = "1er" + text[1:]
        return text.replace(" ", NBSP)

    # Ages

    def span(self, seconds: float) -> str:
        """Write a length of time: ``4 s``, ``34 min``, ``3 h 12``, ``2 j 4 h``."""
        whole = max(0, int(seconds))
        if whole < 60:
            return f"{whole}{NBSP}s"
        if whole < 3600:
            return f"{whole // 60}{NBSP}min"
        if whole < 86_400:
            hours, minutes = divmod(whole // 60, 60)
            return self._two(hours, "h", minutes, "" if self.language == "fr" else "min", pad=self.language == "fr")
        days, hours = divmod(whole // 3600, 24)
        return self._two(days, "j" if self.language == "fr" else "d", hours, "h")

    def age(self, time: datetime) -> str:
        """Write how long ago: ``il y a 4 s`` or ``4 s ago``; past 24 hours the date and time."""
        seconds = (self.now - time).total_seconds()
        if seconds >= 86_400:
            return translate(PACKAGE, self.language, "age.on", when=self.stamp(time))
        return translate(PACKAGE, self.language, "age.ago", span=self.span(seconds))

    def since(self, time: datetime) -> str:
        """Write since when: ``depuis 3 h 12`` or ``for 3 h 12 min``; past 24 hours the date and time."""
        seconds = (self.now - time).total_seconds()
        if seconds >= 86_400:
            return translate(PACKAGE, self.language, "age.since", when=self.stamp(time))
        return translate(PACKAGE, self.language, "age.for", span=self.span(seconds))

    @staticmethod
    def _two(large: int, large_unit: str, small: int, small_unit: str, *, pad: bool = False) -> str:
        text = f"{large}{NBSP}{large_unit}"
        if not small:
            return text
        digits = f"{small:02}" if pad else str(small)
        return f"{text}{NBSP}{digits}" + (f"{NBSP}{small_unit}" if small_unit else "")
