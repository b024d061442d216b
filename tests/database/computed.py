"""What readers of rollups compute, beyond what was asked for."""

from __future__ import annotations

from typing import Any

import psycopg


def refuse(connection: psycopg.Connection[Any], where: str) -> None:
    """From now on it is an error to compute minutes `where`: SQL over `one_channel`, `first` and `before`.

    Plain PostgreSQL and TimescaleDB Apache only; every rollup that is behind is computed from such minutes.
    """
    (function,) = connection.execute("SELECT pg_get_functiondef('rollup_minutes'::regproc)").fetchone() or ("",)
    head, begin, _ = function.partition("\nBEGIN\n")
    assert begin, function
    connection.execute(function.replace("rollup_minutes", "rollup_minutes_of").encode())
    connection.execute(
        f"""{head}{begin}
        IF {where} THEN RAISE 'more than was asked for: channel %, % to %', one_channel, first, before; END IF;
        RETURN QUERY SELECT * FROM rollup_minutes_of(one_channel, first, before);
    END $function$""".encode()
    )
