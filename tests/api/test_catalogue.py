"""Installations, channels, gateways, completeness and indicators, as the public and as accounts see them."""

import httpx
import pytest

from tests.api.conftest import basic

pytestmark = [pytest.mark.plain, pytest.mark.anyio]


@pytest.mark.parametrize(
    ("login", "slugs"),
    [
        (None, ["pilote-uf"]),
        ("oriane", ["pilote-uf", "secret"]),
        ("eva", ["pilote-uf", "secret"]),
        ("compagnie", ["pilote-uf", "secret"]),
    ],
)
async def test_each_visitor_sees_what_they_may(client: httpx.AsyncClient, login: str | None, slugs: list[str]):
    answer = await client.get("/api/v1/installations", auth=basic(login) if login else None)
    assert [row["slug"] for row in answer.json()] == slugs


@pytest.mark.parametrize(
    "path",
    [
        "installations/secret",
        "installations/secret/channels",
        "installations/secret/measurements",
        "installations/secret/latest",
        "installations/secret/live",
        "installations/secret/gateways",
        "installations/secret/completeness",
        "installations/secret/gaps",
        "installations/secret/indicators",
        "channels/3",
        "datasets/vitrine_secret_1",
        "datasets/vitrine_secret_1/download",
    ],
)
async def test_what_is_not_public_does_not_exist_for_the_public(client: httpx.AsyncClient, path: str):
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == 404
    assert answer.json()["code"].endswith("unknown")


async def test_a_company_without_organisation_sees_no_installation_without_organisation(
    client: httpx.AsyncClient, url: str
):
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE installation SET organisation = '' WHERE slug = 'secret'")
        connection.execute("UPDATE account SET organisation = '' WHERE login = 'compagnie'")
    answer = await client.get("/api/v1/installations/secret", auth=basic("compagnie"))
    assert answer.status_code == 404


async def test_installation_counts_its_channels(client: httpx.AsyncClient):
    answer = (await client.get("/api/v1/installations/pilote-uf")).json()
    assert (answer["channels"], answer["last_time"]) == (2, "2026-11-01T02:00:00Z")


async def test_installations_can_be_filtered(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/installations", params={"kind": "showcase"})
    assert answer.json() == []


async def test_channels_by_list_and_by_number(client: httpx.AsyncClient):
    listed = (await client.get("/api/v1/installations/pilote-uf/channels")).json()
    assert [row["path"] for row in listed] == ["feed/flow", "feed/level"]
    assert (await client.get("/api/v1/channels/1")).json() == listed[0]


async def test_latest_names_tests_in_words(client: httpx.AsyncClient):
    flow, level = (await client.get("/api/v1/installations/pilote-uf/latest")).json()
    assert (flow["value"], flow["quality"], flow["tests"]) == (899.875, 1, [])
    assert (level["value"], level["quality"], level["tests"]) == (None, 9, ["no_answer"])


async def test_gateway_tells_what_has_not_arrived(client: httpx.AsyncClient):
    (gateway,) = (await client.get("/api/v1/installations/pilote-uf/gateways")).json()
    delivery = gateway["delivery"]
    assert delivery["held"] == [[1, 100], [111, 199]]
    assert delivery["lost"] == [[101, 103]]
    assert delivery["missing"] == [[104, 110]]
    assert delivery["repeated"] == 3
    assert [(loss["records"], loss["reason"]) for loss in gateway["losses"]] == [([[101, 103]], "disk limit")]
    (device,) = gateway["devices"]
    assert (device["key"], device["health"]["success"], device["health"]["breaker"]) == ("feed", 0.9, None)


async def test_foreign_edge_node_has_no_delivery(client: httpx.AsyncClient):
    (gateway,) = (await client.get("/api/v1/installations/secret/gateways", auth=basic("eva"))).json()
    assert gateway["delivery"] is None
    assert [device["health"] for device in gateway["devices"]] == [None]


async def test_completeness_counts_minutes(client: httpx.AsyncClient):
    period = {"from": "2026-11-01T06:00:00Z", "to": "2026-11-02T06:00:00Z"}
    rows = (await client.get("/api/v1/installations/pilote-uf/completeness", params=period)).json()
    assert [(row["path"], row["day"], row["good"], row["received"], row["expected"]) for row in rows] == [
        ("feed/flow", "2026-11-01", 120, 120, 1440),
        ("feed/flow", "2026-11-02", 0, 0, 1440),
        ("feed/level", "2026-11-01", 119, 120, 1440),
        ("feed/level", "2026-11-02", 0, 0, 1440),
    ]


async def test_completeness_expects_nothing_of_the_future(client: httpx.AsyncClient):
    period = {"from": "2100-01-01T00:00:00Z", "to": "2100-01-05T00:00:00Z"}
    assert (await client.get("/api/v1/installations/pilote-uf/completeness", params=period)).json() == []


async def test_indicator_values_of_a_period(client: httpx.AsyncClient):
    listed = (await client.get("/api/v1/installations/pilote-uf/indicators")).json()
    assert [(row["key"], row["version"]) for row in listed] == [("specific-energy", 2)]
    period = {"period": "hour", "from": "2026-11-01T00:00:00Z", "to": "2026-11-01T03:00:00Z"}
    answer = await client.get("/api/v1/installations/pilote-uf/indicators/specific-energy", params=period)
    assert [row["value"] for row in answer.json()["values"]] == [0.25, None, 0.25]


async def test_unknown_indicator_names_those_there_are(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/installations/pilote-uf/indicators/energy")
    assert answer.status_code == 404
    assert "specific-energy" in answer.json()["hint"]
