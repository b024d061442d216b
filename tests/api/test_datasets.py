"""Datasets: list, detail, build, and downloads that can be resumed and checked."""

import base64
import hashlib
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.api.conftest import PACKAGE, basic

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
DOWNLOAD = "/api/v1/datasets/vitrine_pilote-uf_1/download"
ORDER = {
    "installation": "pilote-uf",
    "name": "novembre",
    "title": {"fr": "Novembre", "en": "November"},
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-11-02T00:00:00Z",
}


async def test_datasets_newest_first_and_filtered(client: httpx.AsyncClient):
    rows = (await client.get("/api/v1/datasets")).json()
    assert [row["slug"] for row in rows] == ["vitrine_pilote-uf_2", "vitrine_pilote-uf_1"]
    assert (await client.get("/api/v1/datasets", params={"installation": "secret"})).json() == []
    page = {"limit": 1, "offset": 1}
    assert [row["slug"] for row in (await client.get("/api/v1/datasets", params=page)).json()] == [
        "vitrine_pilote-uf_1"
    ]


async def test_download_is_whole_and_says_its_checksum(client: httpx.AsyncClient):
    answer = await client.get(DOWNLOAD)
    digest = hashlib.sha256(PACKAGE)
    assert answer.content == PACKAGE
    assert answer.headers["content-length"] == str(len(PACKAGE))
    assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert 'filename="vitrine_pilote-uf_1.zip"' in answer.headers["content-disposition"]


async def test_download_can_be_resumed(client: httpx.AsyncClient):
    etag = (await client.head(DOWNLOAD)).headers["etag"]
    rest = await client.get(DOWNLOAD, headers={"Range": "bytes=1000-", "If-Range": etag})
    assert (rest.status_code, rest.content) == (206, PACKAGE[1000:])
    changed = await client.get(DOWNLOAD, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, PACKAGE)


async def test_download_that_is_known_is_not_sent_again(client: httpx.AsyncClient):
    etag = (await client.head(DOWNLOAD)).headers["etag"]
    answer = await client.get(DOWNLOAD, headers={"If-None-Match": f'"old", W/{etag}'})
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_says_the_size_and_sends_nothing(client: httpx.AsyncClient):
    answer = await client.head(DOWNLOAD)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, str(len(PACKAGE)), b"")


async def test_download_before_the_build_is_done(client: httpx.AsyncClient):
    answer = await client.get("/api/v1/datasets/vitrine_pilote-uf_2/download")
    assert (answer.status_code, answer.json()["code"]) == (409, "dataset-not-built")
    assert "queued" in answer.json()["detail"]


async def test_download_whose_file_is_gone(client: httpx.AsyncClient, tmp_path: Path):
    (tmp_path / "datasets" / "vitrine_pilote-uf_1.zip").unlink()
    answer = await client.get(DOWNLOAD)
    assert (answer.status_code, answer.json()["code"]) == (404, "dataset-missing")
    assert str(tmp_path) not in answer.text


async def test_file_name_in_the_database_cannot_leave_the_folder(client: httpx.AsyncClient, url: str, tmp_path: Path):
    (tmp_path / "session.txt").write_text("not a dataset")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE dataset SET file_name = '../session.txt' WHERE slug = 'vitrine_pilote-uf_1'")
    assert (await client.get(DOWNLOAD)).status_code == 404


async def test_build_needs_an_account(client: httpx.AsyncClient):
    answer = await client.post("/api/v1/datasets", json=ORDER, headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-needed")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_build_queues_one_job(client: httpx.AsyncClient, url: str):
    answer = await client.post("/api/v1/datasets", json=ORDER, auth=basic("eva"))
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == "/api/v1/datasets/vitrine_pilote-uf_novembre"
    assert (answer.json()["build"], answer.json()["progress"]) == ("queued", 0)
    with psycopg.connect(url) as connection:
        (dataset_id, created_by), *_ = connection.execute(
            "SELECT dataset_id, created_by FROM dataset WHERE slug = 'vitrine_pilote-uf_novembre'"
        ).fetchall()
        jobs = connection.execute("SELECT args ->> 'dataset_id' FROM procrastinate_jobs").fetchall()
    assert created_by == "eva"
    assert jobs == [(str(dataset_id),)]


async def test_a_name_is_taken_once(client: httpx.AsyncClient):
    assert (await client.post("/api/v1/datasets", json=ORDER, auth=basic("eva"))).status_code == 202
    answer = await client.post("/api/v1/datasets", json=ORDER, auth=basic("eva"))
    assert (answer.status_code, answer.json()["code"]) == (409, "dataset-exists")


async def test_a_job_that_cannot_be_queued_leaves_no_dataset(client: httpx.AsyncClient, url: str):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE procrastinate_jobs RENAME TO gone")
    assert (await client.post("/api/v1/datasets", json=ORDER, auth=basic("eva"))).status_code >= 500
    assert (await client.get("/api/v1/datasets/vitrine_pilote-uf_novembre")).status_code == 404


@pytest.mark.parametrize(
    ("login", "installation", "status", "code"),
    [
        ("compagnie", "pilote-uf", 403, "right-missing"),
        ("compagnie", "secret", 202, None),
        ("eva", "nulle-part", 404, "installation-unknown"),
    ],
)
async def test_a_company_builds_its_own_only(
    client: httpx.AsyncClient, login: str, installation: str, status: int, code: str | None
):
    answer = await client.post("/api/v1/datasets", json={**ORDER, "installation": installation}, auth=basic(login))
    assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    ("change", "key", "code"),
    [
        ({"name": "Été 2026"}, "name", "parameter-invalid"),
        ({"name": "../x"}, "name", "parameter-invalid"),
        ({"from": "2026-11-01"}, "from", "instant-without-zone"),
        ({"colour": "blue"}, "colour", "parameter-unknown"),
        ({"title": {"fr": "x"}}, "title.en", "parameter-missing"),
    ],
)
async def test_each_mistake_of_an_order_is_named(client: httpx.AsyncClient, change: dict, key: str, code: str):
    answer = await client.post("/api/v1/datasets", json={**ORDER, **change}, auth=basic("eva"))
    assert answer.status_code == 422
    assert [(error["key"], error["code"]) for error in answer.json()["errors"]] == [(key, code)]


async def test_several_mistakes_are_told_at_once(client: httpx.AsyncClient):
    answer = await client.post("/api/v1/datasets", json={"name": "X", "colour": 1}, auth=basic("eva"))
    assert len(answer.json()["errors"]) == 6
