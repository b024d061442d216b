"""What is missing, over the interface."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.conftest import basic
from vitrine_api.portal.paths import PATHS
from vitrine_database import retention
from vitrine_database.connection import connect

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
PATH = "/api/v1/installations/pilote-uf/gaps"
PERIOD = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-01T04:00:00Z"}


async def test_silences_say_what_is_known_of_their_reason(client: httpx.AsyncClient):
    found = (await client.get(PATH, params=PERIOD)).json()
    assert not found["complete"]
    flow = next(one for one in found["channels"] if one["path"] == "feed/flow")
    assert (flow["expected"], flow["received"], flow["empty"]) == (4 * 3600, 7200, 72)
    silence = next(one for one in found["silences"] if one["path"] == "feed/flow")
    assert (silence["first_time"], silence["expected"]) == ("2026-11-01T01:59:59Z", 7200)


async def test_numbers_of_records(client: httpx.AsyncClient):
    (queue,) = (await client.get(PATH)).json()["queues"]
    assert queue["held"] == [[1, 100], [111, 199]]
    assert (queue["awaited"], queue["lost"], queue["repeated"]) == ([[104, 110]], [[101, 103]], 3)


@pytest.mark.parametrize("to", ["2026-10-01T00:00:00Z", "2026-11-20T00:00:00Z"])
async def test_a_period_that_is_none_or_too_long(client: httpx.AsyncClient, to: str):
    answer = await client.get(PATH, params=PERIOD | {"to": to})
    assert answer.status_code == 422


async def test_what_is_counted_of_a_channel(client: httpx.AsyncClient):
    flow = next(one for one in (await client.get(PATH, params=PERIOD)).json()["channels"] if one["path"] == "feed/flow")
    assert flow["missing"] == flow["expected"] - flow["received"] == 7200
    assert flow["lost"] + flow["awaited"] in (0, 7200)
    assert (flow["node"], flow["late"], flow["restamped"]) == ("pi-uf-01", 5, 2)


async def test_what_is_counted_of_a_gateway(client: httpx.AsyncClient):
    found = (await client.get(PATH, params=PERIOD)).json()
    (gateway,) = found["gateways"]
    assert (gateway["node"], gateway["channels"], gateway["late"], gateway["restamped"]) == ("pi-uf-01", 2, 6, 2)
    for name in ("expected", "received", "empty", "missing", "lost", "awaited", "dropped"):
        assert gateway[name] == sum(one[name] for one in found["channels"]), name


@pytest.fixture
def gone(url: str) -> datetime:
    """A day of which a channel had a value a minute, until retention dropped them."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=10)
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO measurement SELECT %s + n * interval '1 min', 2, n, 1 FROM generate_series(0, 1439) n", [day]
        )
        retention.set_rule(connection, "pilote-uf", retention.LEAST)
        assert retention.apply(connection) >= 1440
    return day


async def test_a_dropped_day_is_told_as_such(client: httpx.AsyncClient, gone: datetime):
    period = {"from": gone.isoformat(), "to": (gone + timedelta(days=1)).isoformat()}
    found = (await client.get(PATH, params=period)).json()
    assert not found["complete"]
    (silence,) = [one for one in found["silences"] if one["path"] == "feed/level"]
    assert (silence["reason"], silence["expected"], silence["seconds"]) == ("dropped", 1440, 86_400)
    level = next(one for one in found["channels"] if one["path"] == "feed/level")
    assert (level["received"], level["missing"], level["dropped"]) == (0, 1440, 1440)
    for language, words in (("fr", "supprimées au terme de leur conservation"), ("en", "dropped after their term")):
        page = await client.get(PATHS["gaps"][language].format(slug="pilote-uf"), params={"day": f"{gone:%Y-%m-%d}"})
        assert page.status_code == 200
        assert words in page.text


async def test_no_dataset_of_a_dropped_day_is_queued(client: httpx.AsyncClient, gone: datetime):
    order = {"installation": "pilote-uf", "name": "trop-tard", "title": {"fr": "x", "en": "x"}}
    period = {"from": (gone - timedelta(days=1)).isoformat(), "to": (gone + timedelta(days=2)).isoformat()}
    answer = await client.post("/api/v1/datasets", json=order | period, auth=basic("eva"))
    assert (answer.status_code, answer.json()["code"]) == (409, "measurements-dropped")
    assert gone.isoformat() in answer.json()["detail"]
    assert (await client.get("/api/v1/datasets/vitrine_pilote-uf_trop-tard")).status_code == 404


async def test_events_are_told_in_their_order(client: httpx.AsyncClient):
    asked = {"from": "2026-09-01T00:00:00Z", "to": "2026-10-03T00:00:00Z"}
    found = (await client.get(PATH.replace("gaps", "events"), params=asked)).json()["events"]
    assert [(one["kind"], one["device"], one["field"], one["before"], one["after"]) for one in found] == [
        ("channel", "feed", "unit", "m3/h", "L/h"),
        ("instrument", "feed", "", {"Serial": "A"}, {"Serial": "B"}),
    ]
    assert (await client.get(PATH.replace("gaps", "events").replace("pilote-uf", "none"))).status_code == 404
