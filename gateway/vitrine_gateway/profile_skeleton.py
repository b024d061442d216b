"""A profile to begin with: it is sound, says itself what is to be replaced, and has its golden case beside it."""

from __future__ import annotations

from pathlib import Path

from vitrine.errors import VitrineError

_PROFILE = """\
# Replace what stands in capitals, then look at it with: vitrine profiles show ./{name}.toml
manufacturer = "MAKER"
model = "MODEL"
name = {{ fr = "NOM EN FRANÇAIS", en = "NAME IN ENGLISH" }}
protocol = "modbus"

# Where the registers are known from; no register without a source.
[[source]]
document = "TITLE, NUMBER AND PAGE OF THE MANUAL"
evidence = "manual" # or peer_code, page_excerpt, convention

[modbus]
order = "ABCD"        # order of bytes on the wire, A the most significant one; CDAB: low word first
max_registers = 125   # most in one request, by the manual
document_offset = 0   # number in the document minus address on the wire, often 40001 or 30001

# A register that tells this kind of instrument from others; remove it where there is none.
[[identity]]
table = "holding"
address = 0x000B
type = "uint16"
values = [100]
meaning = {{ fr = "code du modèle", en = "model code" }}

[[channel]]
key = "temperature"
name = {{ fr = "Température", en = "Temperature" }}
unit = "Cel"          # UCUM
quantity = "temperature"
decimals = 1
table = "input"       # input: function 04; holding: function 03
address = 0x0001      # on the wire, from zero
type = "int16"        # int16 … uint64, float32, float64
scale = 0.1
invalid = [0x7FFF]    # marks that mean "no value"
"""
_CASE = """\
# What the registers hold, from a real instrument or from an example of the manual, and the values that they mean.
[input]
"0x0001" = [0x00D7]

[values]
temperature = 21.5
"""


def write_skeleton(name: str, folder: Path) -> tuple[Path, Path]:
    """Write profile and golden case and return where they are; VitrineError where a file is there already."""
    profile, case = folder / f"{name}.toml", folder / f"{name}.case.toml"
    for path in (profile, case):
        if path.exists():
            raise VitrineError(f"{path} is there already", hint="Choose another name, or remove the file yourself.")
    try:
        profile.write_text(_PROFILE.format(name=name), encoding="utf-8")
        case.write_text(_CASE, encoding="utf-8")
    except OSError as error:
        raise VitrineError(f"{profile} cannot be written: {error.strerror}", hint="Name another folder.") from error
    return profile, case
