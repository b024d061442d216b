"""Where the demo's history ends and the live signal begins: one signal, seen through the same registers."""

import numpy as np
import pytest

from vitrine.installation_file import load
from vitrine_demo.demonstration import SEED
from vitrine_demo.history import STEP_S
from vitrine_demo.installations import examples
from vitrine_gateway.modbus.decode import decode
from vitrine_simulators.binding import bind, history, plant_of
from vitrine_simulators.modbus_device import ModbusDevice
from vitrine_simulators.modbus_slaves import READ_HOLDING
from vitrine_simulators.plants import Live
from vitrine_simulators.simulation import reader_of

READ_INPUT = READ_HOLDING + 1
#: 20 November 2026, 14:03:27 UTC: the first live measurement; history ends at 14:02:30.
LIVE = 1_795_183_407.0
END = LIVE // STEP_S * STEP_S


def read(bound, source):
    """Read a device's channels through its registers at the first live moment, in the site's units."""
    shown = reader_of(bound, source)
    device = ModbusDevice(bound.profile, frozenset(bound.to_profile), shown, now=lambda: LIVE)
    for key, (scale, shift) in bound.to_site.items():
        channel = bound.profile.channel(key)
        if bound.profile.protocol == "modbus" and bound.profile.trigger is None:
            function = READ_HOLDING if channel.table == "holding" else READ_INPUT
            value, tests = decode(channel, device.registers(function, channel.address, channel.width))
            assert tests == 0, key
        else:
            value = shown(key, LIVE)
        yield f"{bound.device.key}/{key}", value * scale + shift


@pytest.fixture(scope="module", params=examples(), ids=lambda path: path.stem)
def seam(request):
    """Return a day of history, and what a gateway reads at the first live moment."""
    installation = load(request.param)
    plant = plant_of(installation, SEED)
    past = history(installation, plant, END - 86_400.0 + STEP_S / 2, END, STEP_S)
    source = Live(plant)
    return past, dict(pair for bound in bind(installation, source.signals) for pair in read(bound, source))


def test_every_signal_goes_on_within_its_own_steps(seam):
    past, live = seam
    assert past.keys() == live.keys()
    for path, values in past.items():
        # From 14:02:30 to 14:03:27 the signal may do what it did from minute to minute of the day before
        assert abs(live[path] - values[-1]) <= np.abs(np.diff(values)).max() + 1e-9, path


def test_every_counter_goes_on_counting(seam):
    past, live = seam
    for path, values in past.items():
        if "energy" in path.split("/")[1]:
            assert (np.diff(values) >= 0).all(), path
            assert live[path] >= values[-1], path
