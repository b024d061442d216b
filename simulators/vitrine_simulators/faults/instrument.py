"""What each fault of an instrument does to its values: pure functions on arrays.

Each takes the instants at which the fault lasts (seconds since 1970 UTC, shape (n,)), the values that the instrument
would show there (shape (n,), in the unit in which the site shows the channel), the fault, and the sound signals; it
returns the values shown (shape (n,); NaN: the instrument's mark for “no value”). One instant is an array of one.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from vitrine_simulators.faults.occurrence import Occurrence
from vitrine_simulators.noise import Array, Noise

#: Returns the sound signal of a ``device/channel`` at some instants, in the unit of the site.
Signal = Callable[[str, Array], Array]
Effect = Callable[[Array, Array, Occurrence, Signal], Array]

#: Draws of noise in a second: readings that lie nearer share theirs.
_DRAWS_PER_S = 10.0


def path_of(fault: Occurrence) -> str:
    """Return the channel of a fault as ``device/channel``."""
    return f"{fault.device}/{fault.channel}"


def concerns(fault: Occurrence, path: str) -> bool:
    """Tell whether a fault changes what a channel shows; two that are swapped are both concerned."""
    return path_of(fault) == path or (fault.kind == "swapped" and fault.parameters["other"] == path)


def shown(path: str, times: Array, values: Array, faults: Iterable[Occurrence], sound: Signal) -> Array:
    """Return what a channel shows under some faults, those that began first applied first. Shapes (n,)."""
    result = values.copy()
    own = [fault for fault in faults if fault.family == "instrument" and concerns(fault, path)]
    own.sort(key=lambda one: (one.begin, one.id))
    for position, fault in enumerate(own):
        inside = _while(fault, own[position + 1 :], times)
        if inside.any():
            effect = EFFECTS[fault.kind] if path == path_of(fault) else _swapped_with
            seen = _seen_under(own[:position], sound) if fault.kind == "stuck" else sound
            result[inside] = effect(times[inside], result[inside], fault, seen)
    return result


def _while(fault: Occurrence, later: list[Occurrence], times: Array) -> NDArray[np.bool_]:
    """Tell at which instants a fault has its effect; that of a counter's reset ends with the next reset."""
    inside = times >= fault.begin
    end = fault.end if fault.end > fault.begin else math.inf
    if fault.kind == "counter-reset":
        end = min((one.begin for one in later if one.kind == fault.kind), default=math.inf)
    return np.asarray(inside & (times < end), dtype=np.bool_)


def _seen_under(faults: list[Occurrence], sound: Signal) -> Signal:
    """Return what is seen of a signal under the faults that were there before: what is stuck holds that."""
    return lambda path, times: shown(path, times, sound(path, times), faults, sound)


def stuck(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Hold the value of the beginning."""
    return np.full(len(times), sound(path_of(fault), np.array([fault.begin]))[0])


def drift(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Move away steadily by `per_hour`."""
    return values + fault.number("per_hour") * (times - fault.begin) / 3600.0


def offset(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Add `size`: a spike while it is short, the offset that a cleaning leaves while it lasts."""
    return values + fault.number("size")


def noise(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Add normal noise of a standard `deviation`."""
    source = Noise(zlib.crc32(fault.id.encode()))
    draws: Array = source.normal("fault/noise", np.floor(times * _DRAWS_PER_S))
    return np.asarray(values + fault.number("deviation") * draws, dtype=np.float64)


def clipped_range(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Show nothing below `lowest` nor above `highest`, as an output of 4–20 mA set to a narrow range."""
    return np.asarray(np.clip(values, fault.number("lowest"), fault.number("highest")), dtype=np.float64)


def swapped(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Show the `other` channel: two sensors, inlet and outlet, are connected the wrong way round."""
    return sound(str(fault.parameters["other"]), times)


def _swapped_with(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    return sound(path_of(fault), times)


def wrong_scale(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Multiply by `factor`: a decimal point at the wrong place, another unit on the display."""
    return values * fault.number("factor")


def counter_reset(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Count from zero again."""
    counted = float(sound(path_of(fault), np.array([fault.begin]))[0])
    return values - counted


def counter_rollover(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Begin again at zero each time `modulus` is reached: the register is narrower than believed."""
    return np.asarray(np.mod(values, fault.number("modulus")), dtype=np.float64)


def sentinel(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Show the mark for “no value”."""
    return np.full(len(times), np.nan)


def warm_up(times: Array, values: Array, fault: Occurrence, sound: Signal) -> Array:
    """Be off by `size` at the beginning, and approach the truth exponentially with a `time_constant` in seconds."""
    left: Array = np.exp(-(times - fault.begin) / fault.number("time_constant"))
    return np.asarray(values + fault.number("size") * left, dtype=np.float64)


EFFECTS: dict[str, Effect] = {
    "stuck": stuck,
    "drift": drift,
    "spike": offset,
    "noise": noise,
    "offset-after-cleaning": offset,
    "clipped-range": clipped_range,
    "swapped": swapped,
    "wrong-scale": wrong_scale,
    "counter-reset": counter_reset,
    "counter-rollover": counter_rollover,
    "sentinel": sentinel,
    "warm-up": warm_up,
}
