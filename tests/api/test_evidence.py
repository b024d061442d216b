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
