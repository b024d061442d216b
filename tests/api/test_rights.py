"""The API and the portal with the rights of a role alone: every page that a visitor or an account may read is answered.

As vitrine_api an account signs in, and an order is queued or taken back; as vitrine_reader nobody signs in.
"""

from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from tests.api.conftest import basic, speaking_to
from tests.api.test_datasets import ORDER
from vitrine.settings import Settings
from vitrine_api.app import create_app
from vitrine_api.portal.paths import PATHS

pytestmark = [pytest.mark.plain, pytest.mark.anyio]
DATASET = "vitrine_pilote-uf_1"
#: What stands for each word of a path.
WORDS = {"channel_id": "1", "device": "feed", "channel": "flow", "key": "specific-energy"}
#: A stream does not end; these pages only send on, or want a challenge, which the seed has not.
ELSEWHERE = ("/live", "/challenge", "/defi", "/sign-out", "/deconnexion", "/appearance", "/apparence")
#: Not for visitors without an account.
OF_ACCOUNTS = ("/fr/passerelles", "/en/gateways")


def as_role(known: Settings, role: str) -> Settings:
    url = known.database_url
    joint = "&" if "?" in url else "?"
    return known.model_copy(update={"database_url": f"{url}{joint}options={quote(f'-c role={role}')}"})


def addresses(paths: dict[str, dict[str, object]]) -> Iterator[str]:
    known = [path for path, methods in paths.items() if "get" in methods]
    for path in [*known, *(path for page in PATHS.values() for path in page.values())]:
        of_dataset = any(part in path for part in ("/datasets/", "/jeux/"))
        if not path.endswith(ELSEWHERE):
            yield path.format_map(WORDS | {"slug": DATASET if of_dataset else "pilote-uf"})


def queued(url: str) -> tuple[int, int]:
    query = "SELECT (SELECT count(*) FROM procrastinate_jobs), (SELECT count(*) FROM dataset)"
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone() or (0, 0)


@pytest.mark.parametrize(("role", "login"), [("vitrine_api", "oriane"), ("vitrine_api", ""), ("vitrine_reader", "")])
async def test_everything_is_answered(known: Settings, url: str, role: str, login: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE dataset SET built_at = now() WHERE build = 'done'")
    application = create_app(as_role(known, role))
    asked = sorted(addresses(application.openapi()["paths"]))
    assert len(asked) > 30
    async with application.router.lifespan_context(application), speaking_to(application) as client:
        auth = basic(login) if login else None
        told = {address: (await client.get(address, auth=auth)).status_code for address in asked}
    closed = {} if login else dict.fromkeys(OF_ACCOUNTS)
    assert {address: status for address, status in told.items() if status != 200 and address not in closed} == {}


async def test_an_order_is_queued_or_taken_back(known: Settings, url: str) -> None:
    application = create_app(as_role(known, "vitrine_api"))
    async with application.router.lifespan_context(application), speaking_to(application) as client:
        before = queued(url)
        assert (await client.post("/api/v1/datasets", json=ORDER, auth=basic("eva"))).status_code == 202
        assert queued(url) == (before[0] + 1, before[1] + 1)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("REVOKE INSERT ON procrastinate_jobs FROM vitrine_api")
        again = ORDER | {"name": "encore"}
        assert (await client.post("/api/v1/datasets", json=again, auth=basic("eva"))).status_code >= 500
        assert queued(url) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM dataset",
        "UPDATE dataset SET state = 'verified'",
        (
            "INSERT INTO dataset (installation_id, slug, title, first_time, last_time, state)"
            " VALUES (1, 'x', '{}', now(), now(), 'verified')"
        ),
        "UPDATE account SET role = 'operator'",
        "INSERT INTO account (login, password_hash, role) VALUES ('a', 'h', 'operator')",
        "UPDATE measurement SET quality = 1",
        "DELETE FROM procrastinate_jobs",
        "SELECT payload FROM rejected",
        "SELECT drop_measurements(1, '2020-01-01')",
        "CREATE TABLE more (x int)",
    ],
)
async def test_no_more_than_that(known: Settings, statement: str) -> None:
    url = as_role(known, "vitrine_api").database_url
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


async def test_only_what_was_just_asked_for_is_taken_back(known: Settings, url: str) -> None:
    with psycopg.connect(as_role(known, "vitrine_api").database_url, autocommit=True) as connection:
        numbers = [row[0] for row in connection.execute("SELECT dataset_id FROM dataset").fetchall()]
        for number in numbers:
            connection.execute("SELECT withdraw_dataset(%s)", (number,))
        left = connection.execute("SELECT build, count(*) FROM dataset GROUP BY 1").fetchall()
    assert left == [("done", 2)]
