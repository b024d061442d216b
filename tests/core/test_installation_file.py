"""The installation file: what it holds is read, and every mistake is told at once, with its line."""

from pathlib import Path

import pytest

from vitrine.errors import InstallationError
from vitrine.installation_file import inspect, load
from vitrine.toml_source import dotted, key_lines

GOOD = """\
[installation]
slug = "pilote-uf"
kind = "test_bench"
domain = "water"
name = { fr = "Pilote d’ultrafiltration", en = "Ultrafiltration pilot" }
organisation = "eau-claire"
location = { latitude = 45.40, longitude = -71.89 }

[gateway]
node = "pi-uf-01"
uplink = { host = "broker.example.org", port = 8883, ca = "/etc/vitrine/ca.pem" }

[[device]]
key = "feed-flow"
profile = "siemens-mag6000"
connection = { transport = "rtu", port = "/dev/ttyUSB0", baudrate = 19200, unit = 3 }
every = "1 s"
  [[device.channel]]
  key = "flow"
  name = { fr = "Débit d’alimentation", en = "Feed flow" }
  accuracy = "0.4 % of reading"
  calibration = { date = 2026-03-02, due = 2027-03-02, certificate = "CE-1182" }
  quality = { gross_range = { fail = [0, 12], suspect = [0.2, 10] }, flat_line = { suspect = "10 min", fail = "1 h" } }

[[indicator]]
key = "mean-flow"
name = { fr = "Débit moyen", en = "Mean flow" }
formula = "mean(flow)"
unit = "m3/h"
inputs = { flow = "feed-flow/flow" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    installation = load(write(tmp_path, GOOD))
    assert installation.slug == "pilote-uf"
    assert installation.name["en"] == "Ultrafiltration pilot"
    device = installation.devices[0]
    assert (device.connection.serial_port, device.connection.unit, device.every_s) == ("/dev/ttyUSB0", 3, 1.0)
    rules = device.channels[0].rules
    assert (rules.gross_range_fail, rules.gross_range_suspect) == ((0.0, 12.0), (0.2, 10.0))
    assert (rules.flat_line_suspect_s, rules.flat_line_fail_s) == (600.0, 3600.0)
    assert installation.indicators[0].inputs == {"flow": "feed-flow/flow"}
    assert len(installation.sha256) == 64


# each: what is replaced, by what, the line and the code that must be told
MISTAKES = [
    ('slug = "pilote-uf"', 'slug = "Pilote UF"', 2, "not-a-slug"),
    ('kind = "test_bench"', 'kind = "bench"', 3, "not-allowed"),
    ("latitude = 45.40", "latitude = 95", 7, "out-of-range"),
    ("port = 8883", "port = 88830", 11, "out-of-range"),
    ('profile = "siemens-mag6000"', 'profil = "siemens-mag6000"', 14, "unknown-key"),
    ('every = "1 s"', 'every = "1 sec"', 17, "not-a-duration"),
    ("due = 2027-03-02", "due = 2025-03-02", 22, "out-of-order"),
    ("suspect = [0.2, 10]", "suspect = [0.2, 13]", 23, "range-outside"),
    ('unit = "m3/h"', 'unit = "m3/hour"', 29, "unknown-unit"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "code"), MISTAKES)
def test_a_mistake_is_told_where_it_is(tmp_path: Path, right: str, wrong: str, line: int, code: str) -> None:
    _, problems = inspect(write(tmp_path, GOOD.replace(right, wrong, 1)))
    told = [(problem.line, problem.code) for problem in problems]
    assert (line, code) in told or (code == "unknown-key" and (15, code) in told), told
    assert all(problem.where.endswith("site.toml") for problem in problems)


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = GOOD
    for right, wrong, _, _ in MISTAKES:
        text = text.replace(right, wrong, 1)
    with pytest.raises(InstallationError) as caught:
        load(write(tmp_path, text))
    problems = caught.value.problems
    assert len(problems) == len(MISTAKES) + 1, "a misspelt key is also a missing one"
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert all(problem.allowed for problem in problems), "each says what would be right"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"[installation\n", "toml-syntax"), (b"\xff\xfe", "not-utf8"), (b"", "missing-key")],
)
def test_a_file_that_is_none_is_told_without_a_trace(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    _, problems = inspect(path)
    assert code in [problem.code for problem in problems]


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match="cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_lines_of_keys_are_found_in_every_form_of_table() -> None:
    text = 'a = 1\n[b."c d"]\nx = """\n[no]\n"""\ny = [\n 1, # [[z]]\n 2,\n]\nz = { p = { q = 1 }, r = "},{" }\n[[e]]\nk=1\n[[e.f]]\nk=2\n[[e]]\n[[e.f]]\nk=3\n'
    found = {dotted(path): line for path, line in key_lines(text).items() if path}
    assert found == {
        "a": 1, "b.c d": 2, "b.c d.x": 3, "b.c d.y": 6, "b.c d.z": 10, "b.c d.z.p": 10, "b.c d.z.p.q": 10, "b.c d.z.r": 10,
        "e[1]": 11, "e[1].k": 12, "e[1].f[1]": 13, "e[1].f[1].k": 14, "e[2]": 15, "e[2].f[1]": 16, "e[2].f[1].k": 17,
    }  # fmt: skip
