"""The units that channels and indicators may have: UCUM code, dimension, factor to SI, and how people write them.

Codes follow UCUM (ucum.org, case-sensitive variant). UCUM has no nephelometric turbidity unit; it is written as the
annotation ``{NTU}``, which UCUM allows for units that are none of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from vitrine.i18n import Language


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure: ``SI value = value × factor + offset``."""

    #: UCUM code, as stored and exchanged.
    code: str
    #: Name of the physical dimension; only equal dimensions convert.
    dimension: str
    #: SI value of one unit.
    factor: float
    #: SI value of zero of the unit (temperatures).
    offset: float
    #: Expression for pint, for the check of formulas.
    pint: str
    #: As French readers write it.
    fr: str
    #: As English readers write it.
    en: str

    def label(self, language: Language) -> str:
        """Return the unit as people write it, for example ``m³/h``; empty for the number one."""
        return self.fr if language == "fr" else self.en


_TABLE = """
1             one              1                0       dimensionless           |       |
%             one              0.01             0       percent                 %       %
{log}         one              1                0       dimensionless           log     log
[ppm]         one              1e-6             0       ppm                     ppm     ppm
s             time             1                0       second                  s       s
min           time             60               0       minute                  min     min
h             time             3600             0       hour                    h       h
d             time             86400            0       day                     d       d
m             length           1                0       meter                   m       m
1/m           absorption       1                0       1/meter                 m⁻¹     m⁻¹
m2            area             1                0       meter**2                m²      m²
m3            volume           1                0       meter**3                m³      m³
L             volume           0.001            0       liter                   L       L
m3/s          volume_flow      1                0       meter**3/second         m³/s    m³/s
m3/h          volume_flow      2.777777777777778e-4 0   meter**3/hour           m³/h    m³/h
L/h           volume_flow      2.7777777777777776e-7 0  liter/hour              L/h     L/h
L/min         volume_flow      1.6666666666666667e-5 0  liter/minute            L/min   L/min
kg            mass             1                0       kilogram                kg      kg
t             mass             1000             0       metric_ton              t       t
kg/s          mass_flow        1                0       kilogram/second         kg/s    kg/s
kg/h          mass_flow        2.777777777777778e-4 0   kilogram/hour           kg/h    kg/h
kg/d          mass_flow        1.1574074074074073e-5 0  kilogram/day            kg/d    kg/d
kg/m3         density          1                0       kilogram/meter**3       kg/m³   kg/m³
mg/L          density          0.001            0       milligram/liter         mg/L    mg/L
g/L           density          1                0       gram/liter              g/L     g/L
kg/m3/d       volumetric_load  1.1574074074074073e-5 0  kilogram/meter**3/day   kg/(m³·d) kg/(m³·d)
m3/m3/d       rate             1.1574074074074073e-5 0  meter**3/meter**3/day   m³/(m³·d) m³/(m³·d)
g/kg/h        rate             2.777777777777778e-7 0   gram/kilogram/hour      g/(kg·h) g/(kg·h)
m3/t          specific_volume  0.001            0       meter**3/metric_ton     m³/t    m³/t
m2/g          specific_area    1000             0       meter**2/gram           m²/g    m²/g
m/s           speed            1                0       meter/second            m/s     m/s
Pa            pressure         1                0       pascal                  Pa      Pa
kPa           pressure         1000             0       kilopascal              kPa     kPa
bar           pressure         100000           0       bar                     bar     bar
mbar          pressure         100              0       millibar                mbar    mbar
K             temperature      1                0       kelvin                  K       K
Cel           temperature      1                273.15  degC                    °C      °C
[degF]        temperature      0.5555555555555556 255.3722222222222 degF             °F      °F
{NTU}         turbidity        1                0       turbidity_unit          UTN     NTU
mV            voltage          0.001            0       millivolt               mV      mV
V             voltage          1                0       volt                    V       V
A             current          1                0       ampere                  A       A
Hz            frequency        1                0       hertz                   Hz      Hz
W             power            1                0       watt                    W       W
kW            power            1000             0       kilowatt                kW      kW
V.A           apparent_power   1                0       volt_ampere             VA      VA
kV.A          apparent_power   1000             0       kilovolt_ampere         kVA     kVA
{var}         reactive_power   1                0       volt_ampere_reactive    var     var
k{var}        reactive_power   1000             0       kilovolt_ampere_reactive kvar   kvar
W.h           energy           3600             0       watt_hour               Wh      Wh
kW.h          energy           3600000          0       kilowatt_hour           kWh     kWh
MJ            energy           1000000          0       megajoule               MJ      MJ
{var}.h       reactive_energy  3600             0       volt_ampere_reactive*hour varh  varh
k{var}.h      reactive_energy  3600000          0       kilovolt_ampere_reactive*hour kvarh kvarh
kV.A.h        apparent_energy  3600000          0       kilovolt_ampere*hour    kVAh    kVAh
kW.h/m2       energy_per_area 3600000          0       kilowatt_hour/meter**2  kWh/m²  kWh/m²
kW.h/m3       energy_per_volume 3600000         0       kilowatt_hour/meter**3  kWh/m³  kWh/m³
kW.h/kg       energy_per_mass  3600000          0       kilowatt_hour/kilogram  kWh/kg  kWh/kg
kW.h/t        energy_per_mass  3600             0       kilowatt_hour/metric_ton kWh/t  kWh/t
W/K           heat_loss        1                0       watt/kelvin             W/K     W/K
1/K           per_temperature  1                0       1/kelvin                K⁻¹     K⁻¹
g/kW.h        emission_factor  2.777777777777778e-10 0  gram/kilowatt_hour      g/kWh   g/kWh
mS/cm         conductivity     0.1              0       millisiemens/centimeter mS/cm   mS/cm
uS/cm         conductivity     0.0001           0       microsiemens/centimeter µS/cm   µS/cm
S/m           conductivity     1                0       siemens/meter           S/m     S/m
[pH]          acidity          1                0       acidity_unit            pH      pH
W/m2          irradiance       1                0       watt/meter**2           W/m²    W/m²
mJ/cm2        radiant_exposure 10               0       millijoule/centimeter**2 mJ/cm² mJ/cm²
deg           angle            0.017453292519943295 0   degree                  °       °
"""


def _read(line: str) -> Unit:
    code, dimension, factor, offset, pint, fr, en = line.split()
    return Unit(code, dimension, float(factor), float(offset), pint, fr.strip("|"), en.strip("|"))


UNITS: dict[str, Unit] = {unit.code: unit for unit in map(_read, _TABLE.strip().splitlines())}


def nearest(code: str) -> str:
    """Return what to write instead of an unknown unit, for messages."""
    close = get_close_matches(code, UNITS, n=3, cutoff=0.4)
    return f"did you mean {', '.join(close)}?" if close else f"one of: {', '.join(UNITS)}"


def convert(value: float, source: str, target: str) -> float:
    """Convert a value between two units of one dimension; ValueError where they do not convert."""
    if source == target:
        return value
    scale, shift = conversion(source, target)
    return value * scale + shift


def conversion(source: str, target: str) -> tuple[float, float]:
    """Return (scale, shift) such that ``target value = source value × scale + shift``."""
    a, b = UNITS[source], UNITS[target]
    if a.dimension != b.dimension:
        raise ValueError(f"{source} ({a.dimension}) does not convert to {target} ({b.dimension})")
    return a.factor / b.factor, (a.offset - b.offset) / b.factor
