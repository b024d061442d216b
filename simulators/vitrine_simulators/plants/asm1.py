"""Activated Sludge Model No. 1 in one completely mixed tank.

Processes, stoichiometry and symbols: Henze, Gujer, Mino and van Loosdrecht 2000, “Activated sludge models ASM1, ASM2,
ASM2d and ASM3”, IWA Scientific and Technical Report 9. Parameters at 15 °C: Alex et al. 2018, “Benchmark Simulation
Model No. 1”. Their dependence on temperature, and saturation with oxygen: Gernaey, Jeppsson, Vanrolleghem and Copp
2014, “Benchmarking of control strategies for wastewater treatment plants”, IWA Scientific and Technical Report 23.

A step is implicit in what is consumed quickly: each process is slowed by the ratio of its substrates after and before
the step, as in the schemes of Patankar (Burchard, Deleersnijder and Meister 2003, Applied Numerical Mathematics 47,
1–30). Amounts are then booked once, with the stoichiometry, so that COD and nitrogen are conserved at any step, and a
steady state is that of the differential equations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

#: Order of the state: g COD/m³; oxygen g/m³; S_NO to X_ND g N/m³; S_ALK mol/m³.
STATE = ("S_I", "S_S", "X_I", "X_S", "X_BH", "X_BA", "X_P", "S_O", "S_NO", "S_NH", "S_ND", "X_ND", "S_ALK")
#: What settles.
PARTICULATE = (2, 3, 4, 5, 6, 11)
#: Mean dry-weather influent of BSM1, in the order of the state.
INFLUENT = (30.0, 69.5, 51.2, 202.32, 28.17, 0.0, 0.0, 0.0, 0.0, 31.56, 6.95, 10.59, 7.0)

Y_H, Y_A, F_P, I_XB, I_XP = 0.67, 0.24, 0.08, 0.08, 0.06
K_S, K_OH, K_NO, K_NH, K_OA, K_X = 10.0, 0.2, 0.5, 1.0, 0.4, 0.1
ETA_G, ETA_H = 0.8, 0.8
#: Oxygen that a gram of nitrogen takes to nitrify, and that a gram of nitrate spares.
NITRIFYING, DENITRIFYING = 4.57, 2.86
SOLIDS_PER_COD = 0.75


class Kinetics(NamedTuple):
    """Rates a day, and saturation with oxygen in g/m³, at one temperature."""

    mu_h: float
    b_h: float
    mu_a: float
    b_a: float
    k_h: float
    k_a: float
    saturation: float


class Turnover(NamedTuple):
    """What a step converted, in g/(m³·d)."""

    oxygen: float
    nitrified: float
    denitrified: float


def kinetics(celsius: float) -> Kinetics:
    """Return the rates at a temperature."""
    warmer = (celsius - 15.0) / 5.0
    return Kinetics(
        4.0 * (4.0 / 3.0) ** warmer,
        0.3 * (0.3 / 0.2) ** warmer,
        0.5 * (0.5 / 0.3) ** warmer,
        0.05 * (0.05 / 0.03) ** warmer,
        3.0 * (3.0 / 2.5) ** warmer,
        0.05 * (0.05 / 0.04) ** warmer,
        oxygen_saturation(celsius),
    )


def oxygen_saturation(celsius: float) -> float:
    """Return the saturation with oxygen of the benchmark in g/m³: 8 at 15 °C."""
    hundreds = (celsius + 273.15) / 100.0
    henry = 56.12 * 6791.5 * math.exp(-66.7354 + 87.4755 / hundreds + 24.4526 * math.log(hundreds))
    return 0.9997743214 * 8.0 / 10.5 * henry


def react(
    state: Sequence[float], inflow: Sequence[float], dilution: float, transfer: float, rates: Kinetics, days: float
) -> tuple[list[float], Turnover]:
    """Step one tank; `dilution` is flow / volume and `transfer` is KLa, both a day, `inflow` its concentrations."""
    s_i, s_s, x_i, x_s, x_bh, x_ba, x_p, s_o, s_no, s_nh, s_nd, x_nd, s_alk = state
    oxic = s_o / (K_OH + s_o)
    anoxic = K_OH / (K_OH + s_o) * s_no / (K_NO + s_no)
    growth = rates.mu_h * s_s / (K_S + s_s) * x_bh
    aerobic, denitrifying = growth * oxic, growth * anoxic * ETA_G
    nitrifying = rates.mu_a * s_nh / (K_NH + s_nh) * s_o / (K_OA + s_o) * x_ba
    decay_h, decay_a = rates.b_h * x_bh, rates.b_a * x_ba
    ammonifying = rates.k_a * s_nd * x_bh
    hydrolysis = rates.k_h * x_s / (K_X * x_bh + x_s) * (oxic + ETA_H * anoxic) * x_bh
    freed = hydrolysis * x_nd / x_s

    add, kept = days * dilution, 1.0 + days * dilution
    after = (s_s + add * inflow[1] + days * hydrolysis) / (s_s * kept + days * (aerobic + denitrifying) / Y_H)
    aerobic, denitrifying = aerobic * after, denitrifying * after
    after = (s_nd + add * inflow[10] + days * freed) / (s_nd * kept + days * ammonifying)
    ammonifying *= after
    used = I_XB * (aerobic + denitrifying) + _AMMONIUM * nitrifying
    after = (s_nh + add * inflow[9] + days * ammonifying) / (s_nh * kept + days * used)
    nitrifying *= min(after, 1.0)
    used = _OXYGEN_H * aerobic + _OXYGEN_A * nitrifying
    taken_up = days * transfer
    after = (s_o + add * inflow[7] + taken_up * rates.saturation) / (s_o * (kept + taken_up) + days * used)
    aerobic, nitrifying = aerobic * min(after, 1.0), nitrifying * min(after, 1.0)
    used = _NITRATE * denitrifying
    after = (s_no + add * inflow[8] + days * nitrifying / Y_A) / (s_no * kept + days * used)
    denitrifying *= min(after, 1.0)

    heterotrophs, decay = aerobic + denitrifying, decay_h + decay_a
    oxygen = _OXYGEN_H * aerobic + _OXYGEN_A * nitrifying
    lost = _NITRATE * denitrifying
    charge = ammonifying / 14.0 - I_XB / 14.0 * heterotrophs + lost / 14.0 - _ALKALINITY * nitrifying
    stepped = [
        (s_i + add * inflow[0]) / kept,
        (s_s + add * inflow[1] + days * (hydrolysis - heterotrophs / Y_H)) / kept,
        (x_i + add * inflow[2]) / kept,
        (x_s + add * inflow[3] + days * ((1.0 - F_P) * decay - hydrolysis)) / kept,
        (x_bh + add * inflow[4] + days * (heterotrophs - decay_h)) / kept,
        (x_ba + add * inflow[5] + days * (nitrifying - decay_a)) / kept,
        (x_p + add * inflow[6] + days * F_P * decay) / kept,
        (s_o + add * inflow[7] + taken_up * rates.saturation - days * oxygen) / (kept + taken_up),
        (s_no + add * inflow[8] + days * (nitrifying / Y_A - lost)) / kept,
        (s_nh + add * inflow[9] + days * (ammonifying - I_XB * heterotrophs - _AMMONIUM * nitrifying)) / kept,
        (s_nd + add * inflow[10] + days * (freed - ammonifying)) / kept,
        (x_nd + add * inflow[11] + days * ((I_XB - F_P * I_XP) * decay - freed)) / kept,
        (s_alk + add * inflow[12] + days * charge) / kept,
    ]
    return stepped, Turnover(oxygen, nitrifying / Y_A, lost)


_OXYGEN_H = (1.0 - Y_H) / Y_H
_OXYGEN_A = (NITRIFYING - Y_A) / Y_A
_NITRATE = (1.0 - Y_H) / (DENITRIFYING * Y_H)
_AMMONIUM = I_XB + 1.0 / Y_A
_ALKALINITY = I_XB / 14.0 + 1.0 / (7.0 * Y_A)


def cod(state: Sequence[float]) -> float:
    """Return the chemical oxygen demand, g/m³; nitrogen and oxygen are counted apart."""
    return sum(state[:7])


def nitrogen(state: Sequence[float]) -> float:
    """Return all nitrogen but that of inert influent solids, g/m³."""
    return sum(state[8:12]) + I_XB * (state[4] + state[5]) + I_XP * state[6]


def solids(state: Sequence[float]) -> float:
    """Return the suspended solids, g/m³."""
    return SOLIDS_PER_COD * sum(state[2:7])
