"""The example installations: complete, and every channel of theirs is simulated."""

from pathlib import Path

import numpy as np
import pytest

from vitrine.errors import ConfigurationError
from vitrine.installation_file import load
from vitrine_simulators.binding import bind, history, plant_of
from vitrine_simulators.plants import COMMISSIONED, PLANTS
from vitrine_simulators.sources import counting

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def installation(request):
    return load(request.param)


def test_every_example_is_simulated():
    assert {load(path).slug for path in EXAMPLES} == set(PLANTS)


def test_texts_are_there_in_both_languages(installation):
    texts = [installation.name, installation.description]
    texts += [channel.name for device in installation.devices for channel in device.channels]
    texts += [indicator.description for indicator in installation.indicators]
    assert all(text.fr and text.en for text in texts)
    assert installation.simulated


def test_every_channel_has_a_signal_and_every_signal_a_channel(installation):
    signals = plant_of(installation, 1).signals
    bound = {f"{one.device.key}/{key}" for one in bind(installation, signals) for key in one.to_profile}
    assert bound == set(signals)


def test_indicators_name_channels_of_the_file(installation):
    channels = {f"{device.key}/{channel.key}" for device in installation.devices for channel in device.channels}
    for indicator in installation.indicators:
        assert set(indicator.inputs.values()) <= channels


def test_a_winter_and_a_summer_month_stay_within_the_fail_ranges(installation):
    for begin in (COMMISSIONED + 120 * 86_400.0, COMMISSIONED + 300 * 86_400.0):
        values = history(installation, plant_of(installation, 1), begin + 30.0, begin + 30 * 86_400.0, 60.0)
        for device in installation.devices:
            for channel in device.channels:
                low, high = channel.rules.gross_range_fail
                shown = values[f"{device.key}/{channel.key}"]
                assert low <= shown.min(), channel
                assert shown.max() <= high, channel
                suspect = channel.rules.gross_range_suspect or (low, high)
                assert np.mean((shown < suspect[0]) | (shown > suspect[1])) < 0.01, channel


def test_a_channel_without_a_signal_is_named(installation):
    with pytest.raises(ConfigurationError) as refused:
        bind(installation, {})
    assert len(refused.value.problems) == sum(len(device.channels) for device in installation.devices)


def test_the_counting_plant_serves_any_file_and_logs_what_it_gave(installation, tmp_path):
    plant = counting(installation, tmp_path / "served.log")
    path = next(iter(plant.signals))
    assert [plant.read(path, 1.0) for _ in range(3)] == [1.0, 2.0, 3.0]
    plant.close()
    assert plant.served(tmp_path / "served.log") == {path: [1, 2, 3]}
    bind(installation, plant.signals)
