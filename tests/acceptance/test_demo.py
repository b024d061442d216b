"""`vitrine demo`: it starts, shows live points and history, stops without a trace, and goes on where it was."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.way import until
from tests.servers.process import free_port
from vitrine.errors import ConfigurationError
from vitrine_database.connection import connect
from vitrine_database.embedded import EmbeddedServer
from vitrine_demo import installations
from vitrine_demo.processes import vitrine

pytestmark = [pytest.mark.acceptance, pytest.mark.plain, pytest.mark.timeout(600)]


class Demo:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.output = folder.parent / "output"
        self.process = None
        self.url = EmbeddedServer(folder / "database").url

    def start(self, *arguments: str) -> float:
        """Start it; return the seconds until the portal answered."""
        begin = time.monotonic()
        environment = {**os.environ, "LC_ALL": "fr_CA.UTF-8", "PYTHONUNBUFFERED": "1"}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                vitrine("demo", "--data-dir", str(self.folder), "--port", str(self.port), *arguments),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        until(self.answers, 60, f"the portal answers; {self.said()}")
        return time.monotonic() - begin

    def answers(self) -> bool:
        assert self.process.poll() is None, self.said()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 400
        except OSError:
            return False
        finally:
            connection.close()

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def ask(self, statement: str):
        try:
            with connect(self.url) as connection:
                return connection.execute(statement).fetchone()[0]
        except (ConfigurationError, psycopg.Error):
            return None  # not there yet

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def left_behind(self) -> list[str]:
        """Return the command lines of processes that belong to this demo."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except (OSError, NotADirectoryError):
                continue
            if entry.name.isdigit() and int(entry.name) != os.getpid() and str(self.folder).encode() in words:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        return found


@pytest.fixture
def demo(tmp_path):
    demo = Demo(tmp_path / "demo")
    yield demo
    if demo.process and demo.process.poll() is None:
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(60)


CHANNELS = "SELECT count(*) FROM channel"
FRESH = "SELECT count(*) FROM latest JOIN channel USING (channel_id) WHERE period_s <= 2 AND now() - time < '3 s'"
FAST = "SELECT count(*) FROM channel WHERE period_s <= 2"
ROWS = "SELECT count(*) FROM measurement"
#: Counters that fall anywhere in the last two hours: history, seam and live values.
FALLEN = """
SELECT count(*) FROM (
    SELECT value < lag(value) OVER (PARTITION BY channel_id ORDER BY time) AS falls
    FROM measurement JOIN channel USING (channel_id) WHERE path LIKE '%/energy%' AND time > now() - interval '2 h'
) AS steps WHERE falls
"""
LIVE = "SELECT count(DISTINCT installation_id) FROM latest JOIN channel USING (channel_id) WHERE now() - time < '60 s'"


def test_it_starts_shows_stops_and_goes_on(demo):
    print(f"portal after {demo.start():.1f} s")
    until(lambda: demo.ask(CHANNELS) == 22, 60, f"all channels are born; {demo.said()}")
    until(lambda: demo.ask(FRESH) == demo.ask(FAST) > 0, 60, f"live points are less than 3 s old; {demo.said()}")
    history = demo.folder / "history.json"

    def filled():
        return history.exists() and [one["left"] for one in json.loads(history.read_text()).values()] == [0, 0]

    until(filled, 180, f"the history is filled; {demo.said()}")
    assert demo.ask(FALLEN) == 0
    assert "par seconde" in demo.said()
    assert "Ctrl-C" in demo.said()
    assert (demo.folder / "password").read_text().strip() in demo.said()

    assert demo.end(signal.SIGINT) == 0
    assert demo.left_behind() == []

    demo.start()
    kept = demo.ask(ROWS)
    assert kept > 22 * 43_000
    until(lambda: demo.ask(ROWS) > kept, 60, f"new points arrive; {demo.said()}")
    assert demo.end(signal.SIGTERM) == 0
    assert demo.left_behind() == []


def test_all_starts_a_gateway_for_every_example(demo):
    demo.start("--all")
    wanted = len(installations.examples())
    until(lambda: demo.ask(LIVE) == wanted, 120, f"every installation has live points; {demo.said()}")
    assert demo.end(signal.SIGINT) == 0
    assert demo.left_behind() == []


def test_a_killed_demo_is_cleaned_up_by_the_next_and_reset_begins_anew(demo):
    demo.start()
    until(lambda: (demo.ask(ROWS) or 0) > 100, 60, f"points arrive; {demo.said()}")
    demo.end(signal.SIGKILL)
    assert demo.left_behind() != []
    password = (demo.folder / "password").read_text()
    demo.start("--reset")  # the orphaned portal may answer until it is cleaned up
    secret = demo.folder / "password"
    until(lambda: secret.exists() and secret.read_text() != password, 60, f"it begins anew; {demo.said()}")
    until(lambda: demo.answers() and "Ctrl-C" in demo.said(), 60, f"the portal answers; {demo.said()}")
    assert demo.end(signal.SIGINT) == 0
    assert demo.left_behind() == []


def test_a_second_demo_in_the_same_folder_or_on_the_same_port_is_refused(demo, tmp_path):
    demo.start()
    for folder, port, word in ((demo.folder, free_port(), "running"), (tmp_path / "other", demo.port, str(demo.port))):
        refused = subprocess.run(
            vitrine("demo", "--data-dir", str(folder), "--port", str(port)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert refused.returncode == 1
        assert word in refused.stderr
        assert "Traceback" not in refused.stderr
