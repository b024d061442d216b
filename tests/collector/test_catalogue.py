"""`vitrine catalogue apply`, and the commands that show refused messages."""

from dataclasses import replace

import psycopg
import pytest
from typer.testing import CliRunner

from vitrine.errors import ConfigurationError, InstallationError, VitrineError
from vitrine.i18n import Text
from vitrine.installation import Gateway, Indicator, Installation, Uplink
from vitrine_collector import commands
from vitrine_collector.catalogue import apply
from vitrine_collector.metrics import Readings
from vitrine_collector.service import Collector
from vitrine_collector.session import Broker

from .fake_gateway import Messages

ENERGY = Indicator(
    key="specific-energy",
    version=1,
    name=Text("Énergie spécifique", "Specific energy"),
    formula="energy / volume",
    unit="kW.h/m3",
    inputs={"energy": "pump/energy", "volume": "feed/volume"},
    parameters={"baseline": (1.5, "kW.h/m3")},
)
INSTALLATION = Installation(
    slug="pilote-uf",
    kind="test_bench",
    domain="water",
    name=Text("Pilote", "Pilot"),
    organisation="eau-claire",
    organisation_name="Eau claire",
    gateway=Gateway(node="pi-1", uplink=Uplink(host="h", port=1)),
    devices=(),
    indicators=(ENERGY,),
    latitude=45.4,
    longitude=-71.9,
    source="text",
    sha256="ab",
    path="pilote.toml",
)


def indicators(database: psycopg.Connection) -> list[tuple]:
    return database.execute("SELECT key, version, current, formula FROM indicator ORDER BY key, version").fetchall()


def test_it_adds_words_to_an_installation_known_by_its_birth(database: psycopg.Connection) -> None:
    database.execute("""INSERT INTO installation (slug, name) VALUES ('pilote-uf', '{"fr": "pilote-uf"}')""")
    done = apply(database, INSTALLATION)
    assert (done.added, done.retired) == (("specific-energy",), ())
    row = database.execute("SELECT name, domain, latitude, file_source, applied_at IS NOT NULL FROM installation")
    assert row.fetchall() == [({"fr": "Pilote", "en": "Pilot"}, "water", 45.4, "text", True)]
    assert database.execute("SELECT inputs, parameters FROM indicator").fetchall() == [
        ({"energy": "pump/energy", "volume": "feed/volume"}, {"baseline": [1.5, "kW.h/m3"]})
    ]
    assert apply(database, INSTALLATION).added == ()


def test_a_changed_formula_needs_a_new_version(database: psycopg.Connection) -> None:
    apply(database, INSTALLATION)
    changed = replace(ENERGY, formula="energy / volume * 2")
    with pytest.raises(InstallationError) as caught:
        apply(database, replace(INSTALLATION, indicators=(changed,), name=Text("x", "x")))
    problem = caught.value.problems[0]
    assert (problem.code, problem.key) == ("version-not-raised", "indicator[1].version")
    assert problem.allowed.startswith("2,")
    assert database.execute("SELECT name->>'fr' FROM installation").fetchone() == ("Pilote",)
    apply(database, replace(INSTALLATION, indicators=(replace(changed, version=2),)))
    assert indicators(database) == [
        ("specific-energy", 1, False, "energy / volume"),
        ("specific-energy", 2, True, "energy / volume * 2"),
    ]


def test_words_may_change_under_the_same_version(database: psycopg.Connection) -> None:
    apply(database, INSTALLATION)
    apply(database, replace(INSTALLATION, indicators=(replace(ENERGY, decimals=4),)))
    assert database.execute("SELECT decimals FROM indicator").fetchall() == [(4,)]


def test_an_indicator_that_is_no_longer_declared_is_kept_but_not_current(database: psycopg.Connection) -> None:
    apply(database, INSTALLATION)
    assert apply(database, replace(INSTALLATION, indicators=())).retired == ("specific-energy",)
    assert indicators(database) == [("specific-energy", 1, False, "energy / volume")]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LC_ALL", "en_CA.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(app, *arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--url", database_url], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_refused_messages_can_be_listed_and_shown(run, database: psycopg.Connection) -> None:
    assert "No message was refused" in run(commands.collector, "rejected", "list")
    add = "INSERT INTO rejected (topic, payload, code, reason) VALUES (%s, %s, 'payload-invalid', %s)"
    database.execute(add, ("spBv1.0/a/DDATA/b/c", b"\x01\x02abc", "no [bold]protobuf[/bold] \x1b[31m"))
    database.execute(add, ("spBv1.0/a/NBIRTH/b", Messages().nbirth()[1], "not known"))
    listed = run(commands.collector, "rejected", "list")
    assert "spBv1.0/a/DDATA/b/c" in listed
    assert "no [bold]protobuf[/bold] \N{REPLACEMENT CHARACTER}[31m" in listed
    assert "2 messages were refused" in listed
    assert "01 02 61 62 63" in run(commands.collector, "rejected", "show", "1")
    assert "Software/Version @ 1750000000000: '0.1.0'" in run(commands.collector, "rejected", "show", "2")


def test_refused_messages_can_be_replayed(run, database: psycopg.Connection) -> None:
    assert "0 messages written, 0 stay" in run(commands.collector, "rejected", "replay", "--all")
    database.execute("INSERT INTO rejected (topic, payload, code, reason) VALUES ('a/b', '', 'payload-invalid', 'r')")
    with pytest.raises(AssertionError, match=r"No\. 1 stays: [\s\S]*0 messages written, 1 stay"):
        run(commands.collector, "rejected", "replay", "--code", "payload-invalid")
    for unclear in ([], ["--all", "1"]):
        with pytest.raises(ConfigurationError, match="which messages"):
            run(commands.collector, "rejected", "replay", *unclear)


def test_a_number_that_is_not_there_is_said(run) -> None:
    with pytest.raises(VitrineError, match="no refused message number 7"):
        run(commands.collector, "rejected", "show", "7")


def test_an_installation_file_is_applied(run, database: psycopg.Connection, tmp_path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        """
[installation]
slug = "site"
kind = "showcase"
domain = "energy_efficiency"
name = { fr = "Site", en = "Site" }
organisation = "org"
[gateway]
node = "pi"
uplink = { host = "h", port = 1883 }
[[device]]
key = "meter"
profile = "eastron-sdm630"
connection = { transport = "tcp", host = "127.0.0.1" }
"""
    )
    assert "“site” is in the catalogue" in run(commands.catalogue, "apply", str(file))
    assert database.execute("SELECT slug, kind FROM installation").fetchall() == [("site", "showcase")]


def test_numbers_for_prometheus() -> None:
    collector = Collector("postgresql:///nowhere", Broker(host="127.0.0.1", port=1))
    collector.intake.counts["records"] = 5
    names = {sample.name: sample.value for metric in Readings(collector).collect() for sample in metric.samples}
    assert names["vitrine_collector_rows_total"] == 0
    assert names["vitrine_collector_online"] == 0
    assert {"vitrine_collector_messages_total", "vitrine_collector_inbox"} <= names.keys()
