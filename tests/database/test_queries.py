"""Named queries."""

from pathlib import Path

import pytest

import vitrine_database
from vitrine_database.queries import Queries, parse

TEXT = """-- What this file is for.

-- first --
-- Says one.
SELECT 1;

-- second_query --
-- Says two,
-- on two lines.
SELECT 2 -- a remark
FROM x;
"""


def test_a_file_is_split_into_its_queries():
    assert parse(TEXT, "x.sql") == {"first": "SELECT 1", "second_query": "SELECT 2 -- a remark\nFROM x"}


@pytest.mark.parametrize("text", ["-- a --\nSELECT 1;\n-- a --\nSELECT 2;\n", "-- a --\n-- nothing here\n"])
def test_a_mistake_in_a_file_is_told(text):
    with pytest.raises(ValueError, match=r"x\.sql: the query “a”"):
        parse(text, "x.sql")


def test_an_unknown_name_tells_the_known_ones():
    queries = Queries("vitrine_database", "sql/jobs.sql")
    with pytest.raises(KeyError, match="it has: exists, held, note, table"):
        queries["nothing"]
    assert len(queries) == 4


def test_every_file_of_the_room_can_be_read():
    folder = Path(vitrine_database.__file__).parent / "sql"
    for path in folder.glob("*.sql"):
        assert Queries("vitrine_database", f"sql/{path.name}")
