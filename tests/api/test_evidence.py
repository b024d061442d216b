"""What is missing, over the interface."""

import httpx
import pytest

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
    assert (flow["late"], flow["restamped"]) == (0, 0)


async def test_events_are_told_in_their_order(client: httpx.AsyncClient):
    asked = {"from": "2026-09-01T00:00:00Z", "to": "2026-10-03T00:00:00Z"}
    found = (await client.get(PATH.replace("gaps", "events"), params=asked)).json()["events"]
    assert [(one["kind"], one["device"], one["field"], one["before"], one["after"]) for one in found] == [
        ("channel", "feed", "unit", "m3/h", "L/h"),
        ("instrument", "feed", "", {"Serial": "A"}, {"Serial": "B"}),
    ]
    assert (await client.get(PATH.replace("gaps", "events").replace("pilote-uf", "none"))).status_code == 404
