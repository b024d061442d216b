"""How fast and how patiently the uplink works."""

from __future__ import annotations

from dataclasses import dataclass

from vitrine.installation import Uplink

_DEFAULT = Uplink(host="", port=0)


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of sending; the defaults suit a region of gateways that come back all at once."""

    #: Records sent and not yet acknowledged.
    window: int = _DEFAULT.window
    #: Records of the backlog sent in a second.
    rate: float = _DEFAULT.drain
    #: Seconds until an unacknowledged record is sent again; doubled while no answer comes at all.
    timeout_s: float = 10.0
    longest_timeout_s: float = 120.0
    #: The backlog begins between half a second and this many seconds after the birth.
    delay_s: float = _DEFAULT.drain_delay_s
    #: Seconds without data after a birth: a host that asks for another one then gets it without data in between.
    quiet_s: float = 0.3
    #: Longest first wait before a new connection, in seconds; half as long again after each failure.
    reconnect_s: float = 2.0
    longest_reconnect_s: float = 60.0
    #: Seconds between two births that a host asked for.
    rebirth_s: float = 5.0
    #: Seconds for which a device that does not answer stays born after an old record of it was sent.
    linger_s: float = 30.0
    #: Seconds until a broker is left on which the primary host does not show up, where there is another broker.
    host_wait_s: float = 5.0

    @classmethod
    def of(cls, uplink: Uplink) -> Pace:
        """Return the pace that an installation file wants."""
        return cls(window=uplink.window, rate=uplink.drain, delay_s=uplink.drain_delay_s)
