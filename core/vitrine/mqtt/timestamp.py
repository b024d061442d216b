"""The time that a sensor writes in its messages, where it can be believed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

FORMATS = ("unix_s", "unix_ms", "iso8601")
#: A clock that shows less than this was never set: 2000-01-01, in seconds since 1970.
EARLIEST = 946_684_800.0
#: Earlier than the first Vitrine: a clock of ours that shows less was never set, and cannot say that a sensor is ahead.
SET_SINCE = 1_767_225_600.0
#: Seconds that a sensor may be ahead of whoever hears it.
AHEAD = 86_400.0


class Unbelievable(Exception):  # noqa: N818  # it says what happened
    """A time is missing, badly written or absurd."""


def own_time_ms(raw: object, form: str, zone: str, now_s: float) -> int:
    """Return milliseconds since 1970 UTC; Unbelievable before 2000, a day ahead, or without a zone.

    Who does not know the time itself cannot say that a sensor is ahead.
    """
    seconds = _iso(raw, zone, now_s) if form == "iso8601" else _unix(raw, form)
    if seconds < EARLIEST:
        raise Unbelievable(f"its clock shows a time before 2000: “{raw}”")
    if now_s >= SET_SINCE and seconds > now_s + AHEAD:
        raise Unbelievable(f"its clock is more than a day ahead: “{raw}”")
    return round(seconds * 1000)


def _unix(raw: object, form: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise Unbelievable(f"“{raw}” is not a time ({form})")
    try:
        number = float(raw)
    except ValueError as error:
        raise Unbelievable(f"“{raw}” is not a time ({form})") from error
    seconds = number / 1000 if form == "unix_ms" else number
    if not -1e11 < seconds < 1e11:
        raise Unbelievable(f"“{raw}” is not a time ({form})")
    return seconds


def _iso(raw: object, zone: str, now_s: float) -> float:
    try:
        when = datetime.fromisoformat(str(raw))
    except ValueError as error:
        raise Unbelievable(f"“{raw}” is not a time (ISO 8601)") from error
    if when.tzinfo is not None:
        return when.timestamp()
    if not zone:
        raise Unbelievable(f"“{raw}” does not say its zone, and none is declared")
    # In autumn an hour comes twice: the nearer one to now is meant. In spring one does not exist.
    place = ZoneInfo(zone)
    both = [when.replace(tzinfo=place, fold=fold) for fold in (0, 1)]
    real = [one for one in both if one.astimezone(UTC).astimezone(place).replace(tzinfo=None) == when]
    if not real:
        raise Unbelievable(f"“{raw}” does not exist in {zone}")
    return min((one.timestamp() for one in real), key=lambda second: abs(second - now_s))
