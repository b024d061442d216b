"""Profiles: each one is sound, says where it is from, and turns a dump of registers into the values expected."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from vitrine.errors import InstallationError
from vitrine.installation import Connection
from vitrine.quality import Test
from vitrine_gateway.modbus.decode import decode
from vitrine_gateway.modbus.plan import Cost, plan
from vitrine_gateway.profiles import Profile, load, names

from .mqtt_case import mqtt_sample

GOLDEN = sorted((Path(__file__).parent / "profiles").glob("*/*.toml"))

PROFILE = """
manufacturer = "Maker"
model = "M1"
name = { fr = "Appareil", en = "Instrument" }
protocol = "modbus"
[[source]]
document = "Manual"
evidence = "manual"
[modbus]
order = "ABCD"
[[channel]]
key = "flow"
name = { fr = "Débit", en = "Flow" }
unit = "m3/h"
quantity = "volume_flow"
decimals = 2
table = "input"
address = 10
type = "float32"
"""


def test_every_profile_has_a_golden_case() -> None:
    assert {path.parent.name for path in GOLDEN} == set(names())


@pytest.mark.parametrize("name", names())
def test_profile_is_bilingual_and_names_its_sources(name: str) -> None:
    profile = load(name, Path())
    assert profile.sources
    for text in (profile.name, *(channel.name for channel in profile.channels)):
        assert text.fr
        assert text.en
    assert not bool(profile.note.fr) ^ bool(profile.note.en)


@pytest.mark.parametrize("name", names())
def test_no_two_channels_overlap(name: str) -> None:
    profile = load(name, Path())
    taken: dict[tuple[str, int], str] = {}
    for channel in profile.channels if profile.protocol == "modbus" else ():
        for address in range(channel.value_address, channel.value_address + channel.value_width):
            assert channel.bits or (channel.table, address) not in taken, (
                f"{channel.key} lies on {taken[channel.table, address]}"
            )
            taken[channel.table, address] = channel.key


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_case(path: Path) -> None:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    profile = load(path.parent.name, Path())
    values = _message(profile, case) if profile.protocol == "mqtt" else _registers(profile, case)
    for key, expected in case.get("values", {}).items():
        assert values[key][0] == pytest.approx(expected, rel=1e-7, abs=1e-12), key
    for key in case.get("none", {}).get("channels", ()):
        assert values[key] == (None, Test.SENTINEL)
    for key in case.get("refused", {}).get("channels", ()):
        assert values[key] == (None, Test.SENSOR_STATUS)


def _message(profile: Profile, case: dict[str, Any]) -> dict[str, tuple[float | None, int]]:
    sample = mqtt_sample(profile.key, case)
    if "time_ms" in case:
        assert {reading.own_ms for reading in sample.readings} == {case["time_ms"]}
    return {reading.channel: (reading.value, reading.tests) for reading in sample.readings}


def _registers(profile: Profile, case: dict[str, dict[str, list[int]]]) -> dict[str, tuple[float | None, int]]:
    memory = {
        (table, int(start, 0) + position): word
        for table in ("input", "holding")
        for start, words in case.get(table, {}).items()
        for position, word in enumerate(words)
    }
    found = {}
    for request in plan(
        profile.channels, profile.max_registers, Cost.of(Connection(transport="tcp")), profile.barriers
    ):
        words = [memory.get((request.table, request.first + offset), 0) for offset in range(request.count)]
        for place in request.places:
            start = place.address - request.first
            found[place.key] = decode(place, words[start : start + place.width])
    return found


def test_path_beside_the_installation_file(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(PROFILE)
    assert load("own.toml", tmp_path).key == "own"
    assert load("./own.toml", tmp_path).channels[0].order == "ABCD"


def test_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(InstallationError) as caught:
        load("eastron-sdm360", Path())
    assert "eastron-sdm630" in caught.value.problems[0].allowed


MISTAKES = [
    ("decimals = 2", "", "missing-key"),
    ('unit = "m3/h"', 'unit = "m³/h"', "unknown-unit"),
    ('type = "float32"', 'type = "float"', "not-allowed"),
    ("address = 10", "address = 65535", "out-of-range"),
    ("address = 10", "address = 10\nscale = 0", "out-of-range"),
    ('order = "ABCD"', 'order = "ACBD"', "not-allowed"),
    ('type = "float32"', 'type = "float32"\norder = "AB"', "not-allowed"),
    ('evidence = "manual"', 'evidence = "memory"', "not-allowed"),
    ('type = "float32"', 'type = "float32"\ninvalid = ["x"]', "wrong-type"),
    ('type = "float32"', 'type = "float32"\ntypo = 1', "unknown-key"),
    ('type = "float32"', 'type = "uint8"', "missing-key"),
    ('type = "float32"', 'type = "uint16"\nbits = [12, 5]', "out-of-range"),
    ('type = "float32"', 'type = "float32"\nbits = [0, 1]', "out-of-range"),
    ('type = "float32"', 'type = "uint16"\nlabels = { on = { fr = "a", en = "b" } }', "wrong-type"),
    ('type = "float32"', 'type = "float32"\nquality = { address = 12 }', "missing-key"),
    ('type = "float32"', 'type = "float32"\nquality = { address = 12, good = ["x"] }', "wrong-type"),
    ('type = "float32"', 'type = "float32"\nscale_factor = { address = 12, typo = 1 }', "unknown-key"),
    ('type = "float32"', 'type = "float32"\nunit_code = { address = 12, units = { 0 = "kW" } }', "unit-mismatch"),
    ('type = "float32"', 'type = "float32"\nunit_code = { address = 12, units = { 0 = "m³/h" } }', "unknown-unit"),
    ('type = "float32"', 'type = "float32"\nquality = { address = 400, good = [0] }', "too-wide"),
    ('order = "ABCD"', 'order = "ABCD"\nbarriers = ["x"]', "wrong-type"),
    (
        "[[channel]]",
        '[trigger]\naddress = 1\nwords = [70000]\nmeaning = { fr = "a", en = "b" }\n[[channel]]',
        "wrong-type",
    ),
    ("[[channel]]", "[trigger]\naddress = 1\nwords = [15]\n[[channel]]", "missing-key"),
    (
        "[[channel]]",
        '[trigger]\naddress = 1\nwords = [1]\nread = true\nmeaning = { fr = "a", en = "b" }\n[[channel]]',
        "not-allowed",
    ),
]


@pytest.mark.parametrize(("good", "bad", "code"), MISTAKES)
def test_mistake_in_a_profile_is_told_with_its_line(good: str, bad: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(PROFILE.replace(good, bad))
    with pytest.raises(InstallationError) as caught:
        load("own.toml", tmp_path)
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [(code, str(path))]
    assert caught.value.problems[0].line > 1
