"""The balances of an aerated pile that composts: dry matter, water, oxygen and heat.

Haug 1993, “The practical handbook of compost engineering”, chapters 9 to 11:

    k(T)  = k₂₀ · (1.066^(T − 20) − 1.21^(T − 60))                                         [1/d], T in °C
    F_w   = 1 / (1 + exp(−17.684 w + 7.0622)),    w water for the wet mass
    F_air = 1 / (1 + exp(−23.675 f + 3.4945)),    f free air space of the pile
    F_O2  = O₂ / (O₂ + 2),                        O₂ in % of the gas in the pores
    loss  = k · F_w · F_air · F_O2 · biodegradable matter

- Two pools, k₂₀ of 0.05 and 0.005 a day; heat of 13.6 MJ for each kilogram of oxygen taken up.
- Biodegradable matter counts as C₁₆H₂₇O₈N, which is an assumption: + 18 O₂ → 16 CO₂ + 12 H₂O + NH₃.
- Air leaves saturated at the temperature of the pile, as Haug takes it; enthalpy of moist air 1.006 T + w (2501 +
  1.86 T) kJ/kg; specific heats of water 4.19 and of dry matter 1.05 kJ/(kg·K). Enthalpy counts from liquid at 0 °C.
- Gas in the pores is one volume: d(O₂)/dt = exchange · (20.95 − O₂) − uptake, implicit in the uptake.

Water, dry matter, oxygen and enthalpy are booked once in each step, so that they are conserved.
"""

from __future__ import annotations

import math
from typing import NamedTuple

QUICK, SLOW = 0.05, 0.005  # 1/d, at 20 °C
_MATTER = 361.0  # kg/kmol of C₁₆H₂₇O₈N
OXYGEN_KG, DIOXIDE_KG, WATER_KG = 18 * 32.0 / _MATTER, 16 * 44.0 / _MATTER, 12 * 18.0 / _MATTER  # kg/kg
HEAT_J_KG = 13.6e6  # of oxygen
WATER_J_KG_K, DRY_J_KG_K = 4190.0, 1050.0
FRESH = 20.95  # % of oxygen in air
OXYGEN_SHARE = 0.2315  # of the mass of dry air
SECONDS = 86_400.0


class Pile(NamedTuple):
    """What the pile holds: kg, J, % of oxygen in its pores, and its share of free air space."""

    quick: float
    slow: float
    inert: float
    water: float
    enthalpy: float
    oxygen: float
    free: float


class Air(NamedTuple):
    """What blows in: dry air in kg/s, its temperature in °C, its water in kg/kg."""

    flow: float
    celsius: float
    water: float


class Loss(NamedTuple):
    """What a step took: matter in kg/s, water with the air in kg/s, heat through the walls in W."""

    matter: float
    water: float
    walls: float


def capacity(pile: Pile) -> float:
    """Return the heat capacity in J/K."""
    return WATER_J_KG_K * pile.water + DRY_J_KG_K * (pile.quick + pile.slow + pile.inert)


def celsius(pile: Pile) -> float:
    """Return the temperature in °C."""
    return pile.enthalpy / capacity(pile)


def heated(pile: Pile, temperature: float) -> Pile:
    """Return the same pile at a temperature in °C."""
    return pile._replace(enthalpy=capacity(pile) * temperature)


def moisture(pile: Pile) -> float:
    """Return the water for the wet mass."""
    return pile.water / (pile.water + pile.quick + pile.slow + pile.inert)


def vapour(temperature: float) -> float:
    """Return the water of saturated air in kg/kg of dry air, at 101.3 kPa (Magnus form)."""
    pressure: float = 610.94 * math.exp(17.625 * temperature / (temperature + 243.04))
    return 0.622 * pressure / (101_325.0 - pressure)


def enthalpy_of_air(temperature: float, water: float) -> float:
    """Return the enthalpy of moist air in J/kg of dry air."""
    return 1006.0 * temperature + water * (2.501e6 + 1860.0 * temperature)


def warmth(temperature: float) -> float:
    """Return the factor of Haug's rate constant, 1 at about 20 °C, zero where heat kills."""
    factor: float = 1.066 ** (temperature - 20.0) - 1.21 ** (temperature - 60.0)
    return max(factor, 0.0)


def hindrance(pile: Pile) -> float:
    """Return the factor of water, free air space and oxygen, from 0 to 1."""
    wet = 1.0 / (1.0 + math.exp(-17.684 * moisture(pile) + 7.0622))
    airy = 1.0 / (1.0 + math.exp(-23.675 * pile.free + 3.4945))
    return wet * airy * pile.oxygen / (pile.oxygen + 2.0)


def step(pile: Pile, air: Air, around: float, walls_w_k: float, pores_kg: float, seconds: float) -> tuple[Pile, Loss]:
    """Step the pile; `around` is the temperature outside its walls, `pores_kg` the dry air in its pores."""
    temperature = celsius(pile)
    rate = warmth(temperature) * hindrance(pile) / SECONDS
    # Implicit in the oxygen, which the pores exchange within minutes
    wanted = rate * (QUICK * pile.quick + SLOW * pile.slow) * OXYGEN_KG
    percent = FRESH * seconds / (OXYGEN_SHARE * pores_kg)
    exchange = air.flow / pores_kg * seconds
    oxygen = (pile.oxygen + exchange * FRESH) / (1.0 + exchange + percent * wanted / pile.oxygen)
    rate *= oxygen / pile.oxygen
    quick, slow = rate * QUICK * pile.quick, rate * SLOW * pile.slow
    matter = quick + slow
    leaving = vapour(temperature)
    dried = air.flow * (leaving - air.water)
    walls = walls_w_k * (temperature - around)
    gain = HEAT_J_KG * OXYGEN_KG * matter - walls
    gain += air.flow * (enthalpy_of_air(air.celsius, air.water) - enthalpy_of_air(temperature, leaving))
    stepped = Pile(
        pile.quick - seconds * quick,
        pile.slow - seconds * slow,
        pile.inert,
        pile.water + seconds * (WATER_KG * matter - dried),
        pile.enthalpy + seconds * gain,
        oxygen,
        pile.free,
    )
    return stepped, Loss(matter, dried, walls)
