"""What stands behind the instruments of an installation: its model, generated values, or numbers that count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from vitrine.installation import Channel as SiteChannel
from vitrine.installation import Installation
from vitrine_gateway.profiles import Channel, Profile
from vitrine_simulators.binding import channels_of, profiles_of
from vitrine_simulators.generated import GeneratedPlant, generated
from vitrine_simulators.noise import Array
from vitrine_simulators.plants import PLANTS, CountingPlant, Live, Plant


class PlantChoice(StrEnum):
    """What stands behind the instruments."""

    MODEL = "model"
    PROFILE = "profile"
    COUNTING = "counting"


class CompletedPlant:
    """A model, with generated values for the channels that it does not know; all are generated without a model."""

    def __init__(self, model: Plant | None, rest: GeneratedPlant) -> None:
        self._model, self._rest = model, rest
        self._live = Live(model) if model else None

    @property
    def signals(self) -> Mapping[str, str]:
        """Return each signal with its UCUM unit."""
        return {**self._rest.signals, **(self._model.signals if self._model else {})}

    def values(self, times: Array) -> dict[str, Array]:
        """Return every signal at some times (seconds since 1970 UTC)."""
        return {**self._rest.values(times), **(self._model.values(times) if self._model else {})}

    def read(self, path: str, now: float) -> float:
        """Return what the sensor of a signal sees."""
        if self._live is None or path in self._rest.signals:
            return self._rest.read(path, now)
        return self._live.read(path, now)

    @property
    def generated(self) -> list[str]:
        """Return the channels that no model stands behind."""
        return sorted(self._rest.signals)


def plant_for(installation: Installation, choice: PlantChoice, seed: int) -> CompletedPlant:
    """Return the plant behind an installation: its model where there is one, generated values for all else."""
    make = PLANTS.get(installation.slug) if choice is PlantChoice.MODEL else None
    model = make(seed) if make else None
    known = model.signals if model else {}
    return CompletedPlant(model, generated((one for one in _channels(installation) if one[0] not in known), seed))


def counting(installation: Installation, log: Path | None = None) -> CountingPlant:
    """Return numbers for every channel of an installation."""
    return CountingPlant({path: channel.unit for path, _, channel, _ in _channels(installation)}, log)


def _channels(installation: Installation) -> Iterator[tuple[str, Profile, Channel, SiteChannel | None]]:
    profiles = profiles_of(installation)
    for device in installation.devices:
        profile = profiles[device.key]
        sites = {site.key: site for site in device.channels}
        chosen = set(channels_of(device, profile))
        for channel in profile.channels:
            if channel.key in chosen:
                yield f"{device.key}/{channel.key}", profile, channel, sites.get(channel.key)
