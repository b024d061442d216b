"""What a channel is like while all is well: by this the sizes of blind faults are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitrine_gateway.site import Site
from vitrine_simulators.binding import Bound
from vitrine_simulators.faulty_source import SoundSignals

#: Seconds between the instants at which signals are looked at.
_STEP_S = 300.0
#: Shares of the values that lie below the low and the high end.
_LOW, _HIGH = 0.01, 0.99
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Trait:
    """One channel. `low`, `high` and `spread` are in the site's unit."""

    path: str
    every_s: float
    low: float
    high: float
    #: From low to high; of a counter, what it counts in a day.
    spread: float
    counter: bool
    #: Whether the instrument can say that it has no value.
    has_mark: bool
    #: Channels of other devices that measure the same, with which it could be swapped.
    partners: tuple[str, ...]


def traits_of(site: Site, bindings: Sequence[Bound], sound: SoundSignals, begin: float, end: float) -> list[Trait]:
    """Return the traits of every channel over a period, in the order of the file."""
    times = np.arange(begin, end, _STEP_S)
    protocols = {bound.device.key: bound.profile.protocol for bound in bindings}
    kinds = {
        f"{device.key}/{channel.key}": (device.key, channel.quantity, channel.unit)
        for device in site.devices
        for channel in device.channels
    }
    found = []
    for device in site.devices:
        for channel in device.channels:
            path = f"{device.key}/{channel.key}"
            values = sound(path, times)
            low, high = (float(np.quantile(values, share)) for share in (_LOW, _HIGH))
            counter = bool(np.all(np.diff(values) >= 0.0) and values[-1] > values[0])
            per_day = float(values[-1] - values[0]) * _DAY / (times[-1] - times[0])
            least = 10.0**-channel.decimals
            source = channel.source
            marked = bool(source.invalid) or source.type.startswith("float")
            partners = tuple(
                other
                for other, (owner, quantity, unit) in kinds.items()
                if owner != device.key and (quantity, unit) == (channel.quantity, channel.unit)
            )
            found.append(
                Trait(
                    path=path,
                    every_s=channel.every_s,
                    low=low,
                    high=high,
                    spread=max(per_day if counter else high - low, least),
                    counter=counter,
                    has_mark=marked or protocols[device.key] == "mqtt",
                    partners=() if counter else partners,
                )
            )
    return found
