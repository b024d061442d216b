"""What a refusal is laid to: the table of SQLSTATEs, and the rule of contrast."""

import psycopg
import pytest
from psycopg import errors

from vitrine_collector import faults
from vitrine_collector.faults import PATIENCE, Kind, Suspicion, kind_of


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        (Kind.DATA, "22000 22003 22P02 23502 23505 23514 P0001"),
        (Kind.UNCLEAR, "0A000 21000 25001 25006 42501 42804 42P01 54000 55000 F0000 XX000 XX002"),
        (Kind.MISHAP, "08006 25P04 53000 53200 53400 57014 58030 58P01"),
        (Kind.PASSING, "25P03 28000 3D000 40001 40P01 53100 53300 55006 55P03 57P01 57P02 57P03"),
    ],
)
def test_every_sqlstate_has_its_kind(kind: Kind, states: str) -> None:
    found = {}
    for state in states.split():
        found[state] = kind_of(errors.lookup(state)("refused"))
    assert found == dict.fromkeys(states.split(), kind)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.DataError("a text with a NUL"), Kind.DATA),
        (psycopg.OperationalError("server closed the connection unexpectedly"), Kind.MISHAP),
        (psycopg.InterfaceError("the connection is closed"), Kind.MISHAP),
        (psycopg.ProgrammingError("cannot adapt type"), Kind.UNCLEAR),
        (ValueError("a mistake of ours"), Kind.UNCLEAR),
    ],
)
def test_an_error_without_a_sqlstate_has_its_kind_too(error: Exception, kind: Kind) -> None:
    assert kind_of(error) is kind


def test_only_what_fails_before_and_after_the_witness_is_at_fault(database: psycopg.Connection) -> None:
    suspicion = Suspicion()
    assert (suspicion.is_grave, suspicion.is_proven) == (False, False)
    for witness, proven in (("SELECT nothing", False), ("SELECT 1", True)):
        suspicion.add(errors.InternalError_("refused"))
        assert (suspicion.is_grave, suspicion.is_proven) == (True, False)
        suspicion.contrast(database, lambda connection, witness=witness: connection.execute(witness) and None)
        assert not suspicion.is_proven or proven
        assert suspicion.contrasted is proven
    suspicion.add(errors.InternalError_("refused"))
    assert suspicion.is_proven


def test_a_mishap_is_one_until_it_comes_again_and_again() -> None:
    suspicion = Suspicion()
    for error in [errors.QueryCanceled("cancelled")] * (PATIENCE - 1) + [errors.DeadlockDetected("deadlock")]:
        suspicion.add(error)
        assert not suspicion.is_grave
    for number in range(1, PATIENCE + 1):
        suspicion.add(errors.QueryCanceled("cancelled"))
        assert suspicion.is_grave is (number == PATIENCE)
    assert not suspicion.is_proven


def test_the_table_names_states_that_exist() -> None:
    for state in faults._KINDS:
        errors.lookup(state if len(state) == 5 else {"28": "28000", "P0": "P0001"}.get(state, f"{state}000"))
