"""Measurements in three formats and four resolutions, their limits, and what an export gives back."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from tests.api.conftest import BEGIN, ROWS
from vitrine_api.export import Export, ExportSlots, Order
from vitrine_api.instants import Period
from vitrine_api.problems import ApiError

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
PATH = "/api/v1/installations/pilote-uf/measurements"
WHOLE = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}


async def fetch(client: httpx.AsyncClient, **parameters: str) -> httpx.Response:
    answer = await client.get(PATH, params={**WHOLE, **parameters})
    assert answer.status_code == 200, answer.text
    return answer


async def test_csv_holds_every_value_and_says_what_is_missing(client: httpx.AsyncClient):
    answer = await fetch(client, format="csv", channel="feed/flow")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert len(rows) == ROWS
    assert rows[6] == {
        "time": "2026-11-01T00:00:06Z", "channel": "feed/flow", "value": "0.75", "quality": "1", "tests": "0",
    }  # fmt: skip
    assert (rows[7]["value"], rows[7]["quality"], rows[7]["tests"]) == ("", "9", "64")


async def test_json_holds_the_same_values(client: httpx.AsyncClient):
    answer = (await fetch(client, channel="feed/flow")).json()
    assert (answer["installation"], answer["resolution"], answer["from"]) == ("pilote-uf", "raw", WHOLE["from"])
    (series,) = answer["series"]
    assert (series["unit"], series["columns"]) == ("m3/h", ["time", "value", "quality", "tests"])
    assert len(series["rows"]) == ROWS
    assert series["rows"][6:8] == [
        ["2026-11-01T00:00:06Z", 0.75, 1, 0],
        ["2026-11-01T00:00:07Z", None, 9, 64],
    ]


async def test_parquet_holds_the_same_values_with_types(client: httpx.AsyncClient):
    answer = await fetch(client, format="parquet", channel="feed/flow")
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == ROWS
    assert str(table.schema.field(0).type) == "timestamp[us, tz=UTC]"
    assert table.slice(6, 2).to_pylist() == [
        {"time": BEGIN + timedelta(seconds=6), "channel": "feed/flow", "value": 0.75, "quality": 1, "tests": 0},
        {"time": BEGIN + timedelta(seconds=7), "channel": "feed/flow", "value": None, "quality": 9, "tests": 64},
    ]
    assert table.schema.metadata[b"unit:feed/flow"] == b"m3/h"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("resolution", ["raw", "1min", "1h", "1d"])
async def test_every_format_of_every_resolution_can_be_read(client: httpx.AsyncClient, form: str, resolution: str):
    answer = await fetch(client, format=form, resolution=resolution)
    expected = {"raw": ROWS + 120, "1min": 240, "1h": 4, "1d": 2}[resolution]
    if form == "csv":
        assert len(list(csv.DictReader(io.StringIO(answer.text)))) == expected
    elif form == "json":
        assert sum(len(series["rows"]) for series in json.loads(answer.content)["series"]) == expected
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == expected


async def test_rollups_use_good_values_only(client: httpx.AsyncClient):
    (series,) = (await fetch(client, resolution="1h", channel="feed/level")).json()["series"]
    first = dict(zip(series["columns"], series["rows"][0], strict=True))
    assert (first["count"], first["good"], first["min"], first["max"], first["last"]) == (60, 59, 0, 59, 59)


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
async def test_a_period_without_values_gives_an_empty_file(client: httpx.AsyncClient, form: str):
    period = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    answer = await fetch(client, format=form, **period)
    if form == "csv":
        assert answer.text.splitlines() == ["time,channel,value,quality,tests"]
    elif form == "json":
        assert [series["rows"] for series in answer.json()["series"]] == [[], []]
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0


async def test_the_end_of_a_period_is_not_in_it(client: httpx.AsyncClient):
    period = {"from": "2026-11-01T00:00:10Z", "to": "2026-11-01T00:00:12Z"}
    (series,) = (await fetch(client, channel="feed/flow", **period)).json()["series"]
    assert [row[0][17:19] for row in series["rows"]] == ["10", "11"]


async def test_an_offset_in_the_query_may_lose_its_plus(client: httpx.AsyncClient):
    answer = await client.get(f"{PATH}?from=2026-11-01T02:00:00+02:00&to=2026-11-01T00:00:02Z&channel=feed/flow")
    assert len(answer.json()["series"][0]["rows"]) == 2


async def test_channels_come_in_the_order_asked_for(client: httpx.AsyncClient):
    parameters = [*WHOLE.items(), ("channel", "feed/level"), ("channel", "feed/flow"), ("channel", "feed/level")]
    answer = await client.get(PATH, params=parameters)
    assert [series["channel"] for series in answer.json()["series"]] == ["feed/level", "feed/flow"]


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"channel": "feed/flaw"}, 404, "channel-unknown"),
        ({"resolutoin": "raw"}, 422, "request-invalid"),
        ({"resolution": "2h"}, 422, "request-invalid"),
        ({"format": "xlsx"}, 422, "request-invalid"),
        ({"from": "2026-11-01T00:00:00"}, 422, "request-invalid"),
        ({"from": "yesterday"}, 422, "request-invalid"),
        ({"from": "0001-01-01T00:00:00Z"}, 422, "request-invalid"),
        ({"from": "2026-11-02T00:00:00Z"}, 422, "range-empty"),
        ({"from": "2020-01-01T00:00:00Z"}, 422, "range-too-long"),
    ],
)
async def test_what_cannot_be_answered_is_told(client: httpx.AsyncClient, parameters: dict, status: int, code: str):
    answer = await client.get(PATH, params={**WHOLE, **parameters})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_misspelt_parameter_names_the_right_ones(client: httpx.AsyncClient):
    (error,) = (await client.get(PATH, params={"resolutoin": "raw"})).json()["errors"]
    assert (error["code"], error["key"]) == ("parameter-unknown", "resolutoin")
    assert error["allowed"] == "channel, format, from, resolution, to"


async def test_time_without_zone_says_what_to_write(client: httpx.AsyncClient):
    (error,) = (await client.get(PATH, params={"from": "2026-11-01T05:00"})).json()["errors"]
    assert (error["code"], error["key"], error["allowed"]) == ("instant-without-zone", "from", "2026-11-01T05:00:00Z")


async def test_limits_are_told_with_their_value(client: httpx.AsyncClient):
    answer = (await client.get(PATH, params={**WHOLE, "from": "2020-01-01T00:00:00Z"})).json()
    assert "366 days" in answer["detail"]


async def test_exports_are_limited_and_slots_come_back(client: httpx.AsyncClient, app: FastAPI):
    slots = app.state.exports
    for _ in range(4):
        slots.take()
    answer = await client.get(PATH, params=WHOLE)
    assert (answer.status_code, answer.json()["code"]) == (503, "too-many-exports")
    assert answer.headers["retry-after"] == "5"
    for _ in range(4):
        slots.free()
    for _ in range(6):
        await fetch(client, channel="feed/level")
    assert slots._used == 0


async def test_an_export_that_fails_gives_everything_back(client: httpx.AsyncClient, app: FastAPI, url: str):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE measurement RENAME COLUMN tests TO trials")
    for form in ("csv", "json", "parquet"):
        answer = await client.get(PATH, params={**WHOLE, "format": form})
        assert answer.status_code in (500, 503)
        assert answer.headers["content-type"] == "application/problem+json"
    assert app.state.exports._used == 0


VALUES = ["0", "-0.5", "1e+15", "1e-300", "1.7976931348623157e+308", "Infinity", "-Infinity", "NaN"]


async def test_no_value_is_mistaken_for_a_piece_of_text(client: httpx.AsyncClient, url: str):
    path = 'b, "é" +00,/x'
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE channel SET path = %s WHERE channel_id = 2", (path,))
        connection.execute("DELETE FROM measurement WHERE channel_id = 2")
        for number, value in enumerate(VALUES):
            values = (BEGIN + timedelta(microseconds=number), value)
            connection.execute("INSERT INTO measurement VALUES (%s, 2, %s::float8, 1, 0)", values)
    rows = list(csv.DictReader(io.StringIO((await fetch(client, format="csv", channel=path)).text)))
    assert [row["value"] for row in rows] == VALUES
    assert {row["channel"] for row in rows} == {path}
    assert rows[3]["time"] == "2026-11-01T00:00:00.000003Z"
    (series,) = (await fetch(client, channel=path)).json()["series"]
    assert [str(row[1]) for row in series["rows"][5:]] == VALUES[5:]
    assert [row[1] for row in series["rows"][:5]] == [float(value) for value in VALUES[:5]]


class Endless:
    """A producer that stops only when it is told to."""

    def __init__(self) -> None:
        import threading

        self.cancelled = threading.Event()
        self.closed = False

    def blocks(self):
        yield b"first"
        yield b"second"
        yield b"third"
        self.cancelled.wait(30)
        yield b"never sent"

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed = True


async def test_a_transfer_that_is_cut_short_stops_its_thread():
    slots, producer = ExportSlots(), Endless()
    slots.take()
    export = Export(producer, slots)
    await export.begin()
    stream = export.stream()
    assert await anext(stream) == b"firstsecondthird"
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await export.close()
    await export.close()
    assert producer.cancelled.is_set()
    assert producer.closed
    assert slots._used == 0


def test_slots_say_their_limit():
    slots = ExportSlots(limit=1)
    slots.take()
    with pytest.raises(ApiError, match="its limit"):
        slots.take()


def test_statements_exist_for_every_resolution_and_format():
    from vitrine_api.export import ExportedChannel

    channel = ExportedChannel(1, "feed/flow", "m3/h")
    now = datetime.now(UTC)
    for resolution in ("raw", "1min", "1h", "1d"):
        order = Order("x", [channel], Period(now - timedelta(1), now), resolution)
        for kind in ("csv", "json", "rows"):
            sql, values = order.statement(kind, channel)
            assert "%(channel_id)s" in sql
            assert values["channel_id"] == 1
