"""Models of the plants behind the simulated instruments, one for each example installation."""

from __future__ import annotations

from collections.abc import Callable

from vitrine_simulators.plants.activated_sludge import ActivatedSludge
from vitrine_simulators.plants.building import Building
from vitrine_simulators.plants.composting import Composting
from vitrine_simulators.plants.counting import CountingPlant
from vitrine_simulators.plants.digester import Digester
from vitrine_simulators.plants.heat_pump import HeatPump
from vitrine_simulators.plants.photovoltaics import Photovoltaics
from vitrine_simulators.plants.plant import COMMISSIONED, Live, Plant, Source
from vitrine_simulators.plants.ultrafiltration import Ultrafiltration
from vitrine_simulators.plants.ultraviolet import Ultraviolet

__all__ = [
    "COMMISSIONED",
    "PLANTS",
    "ActivatedSludge",
    "Building",
    "Composting",
    "CountingPlant",
    "Digester",
    "HeatPump",
    "Live",
    "Photovoltaics",
    "Plant",
    "Source",
    "Ultrafiltration",
    "Ultraviolet",
]

#: Slug of an installation → the plant behind it, made from a seed.
PLANTS: dict[str, Callable[[int], Plant]] = {
    "methanisation": Digester,
    "pilote-ultrafiltration": Ultrafiltration,
    "batiment-vitrine": Building,
    "boues-activees": ActivatedSludge,
    "banc-thermopompe": HeatPump,
    "compostage": Composting,
    "desinfection-uv": Ultraviolet,
    "champ-photovoltaique": Photovoltaics,
}
