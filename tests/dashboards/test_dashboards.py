"""Dashboards: golden files, what each panel must have, macros, and every query on a real database."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

from tests.database.computed import refuse
from tests.portal.seed import seed
from tests.servers.fixtures import clone, template
from vitrine.i18n import LANGUAGES, catalogue
from vitrine_dashboards.check import lint, run
from vitrine_dashboards.dashboards import PACKAGE, SPECS, build_all, write
from vitrine_dashboards.macros import expand
from vitrine_database.migration import migrate

GOLDEN = Path(__file__).parents[2] / "dashboards" / "golden"
ALL = build_all()


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_dashboard_is_the_golden_one(name: str) -> None:
    assert (GOLDEN / name).read_text(encoding="utf-8") == write(ALL[name]), "run: vitrine dashboards build"


def test_there_is_no_golden_file_too_many() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(ALL)


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_panel_has_what_a_reader_needs(name: str) -> None:
    assert list(lint(name, ALL[name])) == []


def test_lint_finds_what_is_missing() -> None:
    document = json.loads(json.dumps(ALL["overview.fr.json"]))
    document["panels"][0]["description"] = ""
    document["panels"][1]["id"] = document["panels"][0]["id"]
    document["panels"][2]["targets"][0]["rawSql"] = "select * from measurement"
    assert {problem.code for problem in lint("x", document)} == {
        "panel-incomplete",
        "panel-id-repeated",
        "panel-select-all",
    }


def test_both_languages_say_the_same_things() -> None:
    assert catalogue(PACKAGE, "fr").keys() == catalogue(PACKAGE, "en").keys()
    assert {document["uid"] for document in ALL.values()} == {
        f"vitrine-{s.name}-{language}" for s in SPECS for language in LANGUAGES
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("$__timeFilter(m.time)", "m.time BETWEEN '2026-01-01T00:00:00+00:00' AND '2026-01-02T00:00:00+00:00'"),
        ("$__timeFrom() $__timeTo()", "'2026-01-01T00:00:00+00:00' '2026-01-02T00:00:00+00:00'"),
        ("$__timeGroupAlias(b,'1h',NULL)", 'floor(extract(epoch from b)/3600)*3600 AS "time"'),
        ("$__timeGroup(b,$__interval)", "floor(extract(epoch from b)/60)*60"),
        ("$__interval_ms $__interval", "60000 '60s'"),
        ("'$a' IN ($b)", "'x' IN ('y','it''s')"),
    ],
)
def test_macros_expand_as_grafana_does(sql: str, expected: str) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert expand(sql, start=start, end=end, interval_s=60, variables={"a": "x", "b": ["y", "it's"]}) == expected


def _build(dsn: str) -> None:
    migrate(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        seed(connection, days=2)


def _seeded(server: Any) -> AbstractContextManager[str]:
    return clone(server, template(server, "dashboards", _build))


@pytest.fixture
def seeded(plain_server: Any) -> Iterator[str]:
    with _seeded(plain_server) as dsn:
        yield dsn


@pytest.fixture(
    params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("plain", "apache", "community")]
)
def source(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """A seeded database as Grafana sees it: with the rights of its data source and no more, by the clock of its server."""
    with (
        _seeded(request.getfixturevalue(f"{request.param}_server")) as dsn,
        psycopg.connect(dsn, autocommit=True) as found,
    ):
        found.execute("SET TimeZone = 'America/Montreal'")
        found.execute("SET ROLE vitrine_grafana")
        yield found


def test_every_query_runs_on_a_seeded_database(source: psycopg.Connection[Any]) -> None:
    for name, document in ALL.items():
        assert [str(problem) for problem in run(name, document, source, "pilote-uf")] == []


#: Of a channel that is not shown, or of another day than the last.
NOT_SHOWN = """
    first < now() - interval '25 hours' OR NOT EXISTS (
        SELECT FROM channel c JOIN installation i USING (installation_id)
        WHERE c.channel_id = one_channel AND i.slug = 'batiment-vitrine')
"""


@pytest.mark.parametrize("source", [pytest.param("plain", marks=pytest.mark.plain)], indirect=True)
def test_no_panel_computes_what_it_does_not_show(source: psycopg.Connection[Any]) -> None:
    """While all rollups are behind, those of other channels and other days stay so."""
    source.execute("RESET ROLE")
    assert source.execute("SELECT count(DISTINCT channel_id) > 8 FROM stale_rollup_hour").fetchone() == (True,)
    refuse(source, NOT_SHOWN)
    source.execute("SET ROLE vitrine_grafana")
    for name, document in ALL.items():
        assert [str(problem) for problem in run(name, document, source, "batiment-vitrine")] == []
    with pytest.raises(psycopg.errors.RaiseException, match="more than was asked for"):
        source.execute("SELECT * FROM measurement_1h")


@pytest.mark.plain
def test_a_wrong_query_is_named_with_its_panel(seeded: str) -> None:
    document = json.loads(json.dumps(ALL["gateway.en.json"]))
    document["panels"][0]["targets"][0]["rawSql"] = "SELECT nothing FROM nowhere"
    with psycopg.connect(seeded, autocommit=True) as connection:
        row = connection.execute("SELECT slug FROM installation ORDER BY slug LIMIT 1").fetchone()
        assert row is not None
        problems = list(run("gateway.en.json", document, connection, row[0]))
    assert [(problem.where, problem.key) for problem in problems] == [("gateway.en.json", "Link")]


class Grafana(BaseHTTPRequestHandler):
    """The three calls that a push makes, answered as Grafana 12 answers them."""

    calls: ClassVar[list[tuple[str, str, Any]]] = []
    folders: ClassVar[set[str]] = set()

    def answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.calls.append(("GET", self.path, None))
        known = self.path.rsplit("/", 1)[-1] in self.folders
        self.answer(200 if known else 404, {"uid": "vitrine"} if known else {"message": "folder not found"})

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.calls.append(("POST", self.path, document))
        if self.headers["Authorization"] != "Bearer right":
            self.answer(401, {"message": "Unauthorized"})
        elif self.path == "/api/folders":
            self.folders.add(document["uid"])
            self.answer(200, document)
        else:
            self.answer(200, {"status": "success", "url": f"/d/{document['dashboard']['uid']}"})

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture
def grafana() -> Iterator[str]:
    Grafana.calls, Grafana.folders = [], set()
    server = HTTPServer(("127.0.0.1", 0), Grafana)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def push(url: str, token: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Push from the environment that holds grafana-client, which takes over urllib3."""
    python = Path(sys.executable).parents[2] / ".venv-dashboards" / "bin" / "python"
    if not python.exists():
        pytest.skip("no .venv-dashboards; ./scripts/test makes it")
    (tmp_path / "token").write_text(token, encoding="utf-8")
    return subprocess.run(
        [python, "-c", "from vitrine.command import main; main()", "dashboards", "push"],
        env={"VITRINE_GRAFANA_URL": url, "VITRINE_GRAFANA_TOKEN_FILE": str(tmp_path / "token"), "PATH": ""},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_pushing_twice_leaves_one_state(grafana: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = push(grafana, "right", tmp_path)
        assert done.returncode == 0, done.stderr
    folders = [call for call in Grafana.calls if call[:2] == ("POST", "/api/folders")]
    sent = [call[2]["dashboard"]["uid"] for call in Grafana.calls if call[1] == "/api/dashboards/db"]
    assert len(folders) == 1
    assert sorted(sent) == sorted([document["uid"] for document in ALL.values()] * 2)
    assert all(
        call[2]["overwrite"] and call[2]["folderUid"] == "vitrine"
        for call in Grafana.calls
        if call[1] == "/api/dashboards/db"
    )


def test_a_refused_token_and_an_absent_server_are_told(grafana: str, tmp_path: Path) -> None:
    refused = push(grafana, "wrong", tmp_path)
    assert refused.returncode == 1
    assert "refuses" in refused.stderr
    absent = push("http://127.0.0.1:9", "right", tmp_path)
    assert absent.returncode == 1
    assert "cannot be reached" in absent.stderr
    assert "Traceback" not in refused.stderr + absent.stderr
