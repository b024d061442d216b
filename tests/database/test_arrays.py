"""NumPy's arrays arrive in the database as they are."""

import math

import numpy as np
import psycopg
import pytest

from vitrine_database.connection import connect

pytestmark = pytest.mark.plain


@pytest.fixture
def connection(plain_server):
    with connect(plain_server.dsn) as opened:
        yield opened


@pytest.mark.parametrize(
    ("array", "name"),
    [
        (np.array([1, -2, 32_767, -32_768], np.int16), "smallint[]"),
        (np.array([0, 2**31 - 1, -(2**31)], np.int32), "integer[]"),
        (np.array([2**63 - 1, -(2**63), 5], np.int64), "bigint[]"),
        (np.array([1.5, -0.0, 1e308, math.inf, -math.inf, 5e-324]), "double precision[]"),
        (np.array([], np.int64), "bigint[]"),
        (np.arange(100_000)[::-3], "bigint[]"),
        (np.array([1, 2], ">i4"), "integer[]"),
    ],
)
def test_an_array_arrives_as_it_is(connection, array, name):
    for _ in range(7):  # psycopg prepares a statement that it has seen five times
        held, kind = connection.execute("SELECT %(a)s, pg_typeof(%(a)s)::text", {"a": array}).fetchone()
        assert (held, kind) == (array.tolist(), name)


def test_nan_arrives_as_nan(connection):
    assert math.isnan(connection.execute("SELECT (%s::float8[])[1]", [np.array([math.nan])]).fetchone()[0])


def test_one_statement_takes_arrays_of_several_types(connection):
    for dtype in (np.int16, np.int32, np.int64, np.float64):
        assert connection.execute("SELECT unnest(%s)", [np.array([3], dtype)]).fetchone() == (3,)


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.array(["a"]), np.array([True]), np.array([1], np.uint8)])
def test_what_has_no_form_there_is_refused(connection, array):
    with pytest.raises(psycopg.ProgrammingError, match="is no parameter of a query"):
        connection.execute("SELECT %s", [array])
