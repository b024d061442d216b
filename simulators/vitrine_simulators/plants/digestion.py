"""Anaerobic digestion in one mixed tank: hydrolysis, acidogenesis, methanogenesis, and what they do to the pH.

A reduction of ADM1 (Batstone et al. 2002, “Anaerobic digestion model No. 1”, IWA Scientific and Technical Report 13) to
two populations, as Bernard et al. 2001 (Biotechnology and Bioengineering 75, 424–438) have shown to suffice for
control: what is quickly and what is slowly hydrolysed becomes volatile acids; these become methane.

- Hydrolysis is of first order (Vavilin, Fernandez, Palatsi and Flotats 2008, Waste Management 28, 939–951: 0.1 to 0.5
  a day for mixed organic solids); uptake, yields, decay, inhibition by pH and free ammonia, contents of carbon and
  nitrogen, and the equilibria are ADM1's, at 38 °C with its heats of reaction.
- Acids act on the pH as acetate, and hydrogen and propionate are not seen; they would warn earlier.
- Methane does not dissolve; CO₂ does, goes over at KLa = 200 a day, and finds above the liquid the partial pressure
  that both gases make together: the space there stores nothing.
- The feed has a C/N ratio of 20 by mass, as mixtures for digestion are composed to have.

Units: kg COD/m³, kmol/m³, days, bar. COD, carbon and nitrogen are conserved in every step: what is taken up in it is
booked once. One kmol of methane has 64 kg of COD.
"""

from __future__ import annotations

import math
from typing import NamedTuple

CELSIUS = 38.0
GAS_CONSTANT = 0.083145  # bar·m³/(kmol·K)
_KELVIN = CELSIUS + 273.15
_WARMER = 1.0 / 298.15 - 1.0 / _KELVIN

HYDROLYSIS_QUICK, HYDROLYSIS_SLOW = 2.0, 0.25  # 1/d
UPTAKE_ACIDS, HALF_ACIDS, YIELD_ACIDS = 8.0, 0.15, 0.05
YIELD_SUGARS = 0.10
DECAY = 0.02  # 1/d
AMMONIA_HALF = 0.0018  # kmol/m³ of free ammonia
PH_WELL, PH_NONE = 7.0, 6.0
COD_METHANE = 64.0  # kg/kmol
CARBON_FEED, CARBON_CELLS = 0.02786, 0.0313  # kmol/kg COD
#: What cells leave of the feed's: 0.0275, between acetate's 0.0313 and butyrate's 0.025.
CARBON_ACIDS = (CARBON_FEED - YIELD_SUGARS * CARBON_CELLS) / (1.0 - YIELD_SUGARS)
CARBON_METHANE = 1.0 / COD_METHANE
NITROGEN_FEED, NITROGEN_CELLS = CARBON_FEED * 12.0 / (20.0 * 14.0), 0.08 / 14.0
TRANSFER = 200.0  # 1/d

HENRY_CO2 = 0.035 * math.exp(-19_410.0 / (100.0 * GAS_CONSTANT) * _WARMER)  # kmol/(m³·bar)
ACID_CO2 = 10.0**-6.35 * math.exp(7_646.0 / (100.0 * GAS_CONSTANT) * _WARMER)
ACID_AMMONIUM = 10.0**-9.25 * math.exp(51_965.0 / (100.0 * GAS_CONSTANT) * _WARMER)


class Tank(NamedTuple):
    """The contents: kg COD/m³ to `methanogens`, then kmol/m³; `fixed` solids in kg/m³."""

    quick: float
    slow: float
    inert: float
    acidogens: float
    acids: float
    methanogens: float
    carbon: float
    ammonium: float
    cations: float
    fixed: float


class Gas(NamedTuple):
    """What left the liquid in a step, kmol/(m³·d)."""

    methane: float
    carbon_dioxide: float


def cod(tank: Tank) -> float:
    """Return the COD of the contents in kg/m³."""
    return tank.quick + tank.slow + tank.inert + tank.acidogens + tank.acids + tank.methanogens


def carbon(tank: Tank) -> float:
    """Return all carbon of the contents in kmol/m³."""
    organic = CARBON_FEED * (tank.quick + tank.slow + tank.inert) + CARBON_ACIDS * tank.acids
    return organic + CARBON_CELLS * (tank.acidogens + tank.methanogens) + tank.carbon


def nitrogen(tank: Tank) -> float:
    """Return all nitrogen of the contents in kmol/m³."""
    organic = NITROGEN_FEED * (tank.quick + tank.slow + tank.inert)
    return organic + NITROGEN_CELLS * (tank.acidogens + tank.methanogens) + tank.ammonium


def bicarbonate(tank: Tank) -> float:
    """Return the bicarbonate in kmol/m³ that neutrality asks for."""
    return max(tank.cations + tank.ammonium - tank.acids / COD_METHANE, 1e-4)


def acidity(tank: Tank) -> float:
    """Return the pH."""
    base = bicarbonate(tank)
    return -math.log10(ACID_CO2 * max(tank.carbon - base, 1e-5) / base)


def inhibition(tank: Tank) -> float:
    """Return by what methanogenesis is slowed, from 0 to 1."""
    ph = acidity(tank)
    free: float = tank.ammonium * ACID_AMMONIUM / (ACID_AMMONIUM + 10.0**-ph)
    by_ph: float = 1.0 if ph >= PH_WELL else math.exp(-3.0 * ((ph - PH_WELL) / (PH_WELL - PH_NONE)) ** 2)
    return by_ph * AMMONIA_HALF / (AMMONIA_HALF + free)


def react(tank: Tank, feed: Tank, dilution: float, dry_bar: float, days: float) -> tuple[Tank, Gas]:
    """Step the tank; `dilution` is flow / volume a day, `feed` what comes in, `dry_bar` the pressure without vapour."""
    kept, add = 1.0 + days * dilution, days * dilution
    quick = (tank.quick + add * feed.quick) / (kept + days * HYDROLYSIS_QUICK)
    slow_before = tank.slow + days * DECAY * (tank.acidogens + tank.methanogens)
    slow = (slow_before + add * feed.slow) / (kept + days * HYDROLYSIS_SLOW)
    freed = HYDROLYSIS_QUICK * quick + HYDROLYSIS_SLOW * slow
    made = (1.0 - YIELD_SUGARS) * freed
    # Implicit in the acids, whose time is minutes: uptake is proportional to what the step leaves of them
    a_day = UPTAKE_ACIDS * tank.methanogens * inhibition(tank) / (HALF_ACIDS + tank.acids)
    acids = (tank.acids + add * feed.acids + days * made) / (kept + days * a_day)
    taken = a_day * acids
    methane = (1.0 - YIELD_ACIDS) * taken / COD_METHANE
    grown, eaten = YIELD_SUGARS * freed, YIELD_ACIDS * taken
    cells = grown + eaten - DECAY * (tank.acidogens + tank.methanogens)
    solid = DECAY * (tank.acidogens + tank.methanogens) - freed
    released = -(CARBON_FEED * solid + CARBON_ACIDS * (made - taken) + CARBON_CELLS * cells + methane)
    mixed = Tank(
        quick,
        slow,
        (tank.inert + add * feed.inert) / kept,
        (tank.acidogens + add * feed.acidogens + days * (grown - DECAY * tank.acidogens)) / kept,
        acids,
        (tank.methanogens + add * feed.methanogens + days * (eaten - DECAY * tank.methanogens)) / kept,
        (tank.carbon + add * feed.carbon + days * released) / kept,
        (tank.ammonium + add * feed.ammonium - days * (NITROGEN_FEED * solid + NITROGEN_CELLS * cells)) / kept,
        (tank.cations + add * feed.cations) / kept,
        (tank.fixed + add * feed.fixed) / kept,
    )
    dioxide = _carbon_dioxide(mixed, methane, dry_bar, kept, days)
    return mixed._replace(carbon=mixed.carbon - days * dioxide / kept), Gas(methane, dioxide)


def _carbon_dioxide(tank: Tank, methane: float, dry_bar: float, kept: float, days: float) -> float:
    """Return what goes over, kmol/(m³·d): as much as the partial pressure that it makes itself lets go, implicitly.

    G = g₀ − g₁·p and p = P·G / (G + CH₄), which is a quadratic equation of G.
    """
    going = kept * TRANSFER / (kept + days * TRANSFER)
    most, a_bar = going * (tank.carbon - bicarbonate(tank)), going * HENRY_CO2
    half = (methane - most + a_bar * dry_bar) / 2.0
    return max(math.sqrt(max(half * half + methane * most, 0.0)) - half, 0.0)
