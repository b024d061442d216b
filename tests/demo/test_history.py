"""The demo's history: thirty days, once, joined to the live signal, resumed after a cut."""

import json
from datetime import UTC, datetime
from threading import Event

import numpy as np
import psycopg
import pytest

from tests.servers.fixtures import clone, template
from vitrine_database.migration import migrate
from vitrine_demo import installations
from vitrine_demo.history import DAYS, History
from vitrine_demo.ports import Ports
from vitrine_simulators import binding

pytestmark = pytest.mark.plain
LIVE = datetime(2026, 11, 20, 14, 3, 27, tzinfo=UTC)
MINUTES = DAYS * 1440


@pytest.fixture
def site(tmp_path):
    """The smaller of the examples."""
    copies = installations.copy(tmp_path, Ports(20_000), ("127.0.0.1", 1883))
    return next(one for one in copies if one.slug == "pilote-ultrafiltration")


@pytest.fixture
def url(plain_server, site):
    """A database that knows the site's channels, each with one live measurement."""
    with clone(plain_server, template(plain_server, "demo", lambda dsn: migrate(dsn))) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            one = connection.execute(
                "INSERT INTO installation (slug, name) VALUES (%s, '{}') RETURNING installation_id", [site.slug]
            ).fetchone()[0]
            gateway = connection.execute(
                "INSERT INTO gateway (installation_id, node) VALUES (%s, 'n') RETURNING gateway_id", [one]
            ).fetchone()[0]
            for device in site.devices:
                device_id = connection.execute(
                    "INSERT INTO device (gateway_id, key) VALUES (%s, %s) RETURNING device_id", [gateway, device.key]
                ).fetchone()[0]
                for channel in device.channels:
                    rules = {"gross_range_fail": channel.rules.gross_range_fail}
                    channel_id = connection.execute(
                        "INSERT INTO channel (installation_id, device_id, key, path, name, rules)"
                        " VALUES (%s, %s, %s, %s, '{}', %s) RETURNING channel_id",
                        [one, device_id, channel.key, f"{device.key}/{channel.key}", json.dumps(rules)],
                    ).fetchone()[0]
                    connection.execute("INSERT INTO measurement VALUES (%s, %s, 1, 1, 0)", [LIVE, channel_id])
        yield url


def rows(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def fill(url, site, state, stop=None, progress=lambda share, rows: None):
    return History(url, [site], 1, state, stop or Event()).fill(progress)


def test_it_fills_thirty_days_of_minutes_below_the_first_live_measurement(url, site, tmp_path):
    told = []
    written = fill(url, site, tmp_path / "state.json", progress=lambda share, rows: told.append(share))
    assert written == MINUTES * 8
    assert told == sorted(told)
    assert told[-1] == 1.0
    counts = rows(
        url,
        "SELECT count(*), min(time), max(time) FILTER (WHERE value <> 1 OR true)"
        " FROM measurement WHERE time < '2026-11-20 14:03:27Z' GROUP BY channel_id",
    )
    assert len(counts) == 8
    assert {count for count, _, _ in counts} == {MINUTES}
    assert {last for _, _, last in counts} == {datetime(2026, 11, 20, 14, 2, 30, tzinfo=UTC)}
    assert {quality for (quality,) in rows(url, "SELECT DISTINCT quality FROM measurement")} == {1}
    assert rows(url, "SELECT count(*) FROM stale_hour")[0][0] == DAYS * 24 + 1


def test_its_values_are_those_that_the_simulator_would_have_shown(url, site, tmp_path):
    fill(url, site, tmp_path / "state.json")
    times, values = zip(
        *rows(
            url,
            "SELECT extract(epoch FROM time)::float8, value FROM measurement JOIN channel USING (channel_id)"
            " WHERE path = 'pump/energy-import' AND time < '2026-11-20 14:03:27Z' ORDER BY time",
        ),
        strict=True,
    )
    expected = binding.plant_of(site, 1).values(np.array(times))["pump/energy-import"]
    assert np.allclose(values, expected, rtol=1e-6)
    assert np.diff(values).min() >= 0


def test_after_a_cut_it_goes_on_and_after_the_end_it_does_nothing(url, site, tmp_path):
    state, stop = tmp_path / "state.json", Event()
    first = fill(url, site, state, stop, lambda share, rows: stop.set() if rows > 30_000 else None)
    assert 30_000 < first < MINUTES * 8
    newest = rows(url, "SELECT min(time) FROM measurement")[0][0]
    assert newest > datetime(2026, 11, 10, tzinfo=UTC)  # what is missing is the oldest part
    assert not History(url, [site], 1, state, Event()).finished
    assert first + fill(url, site, state) == MINUTES * 8
    assert History(url, [site], 1, state, Event()).finished
    assert fill(url, site, state) == 0
