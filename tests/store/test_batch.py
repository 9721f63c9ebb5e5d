"""A batch is equal to its good changes, applied one by one."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.store import batch, faults
from labd.store.batch import Change

plans = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=20)


def change(number: int, raises: bool) -> Change:
    def apply(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        if raises:
            raise ValueError(number)
        return number

    return apply


def expected(plan: list[tuple[int, bool]]) -> tuple[set[int], list[object]]:
    kept, outcomes = set[int](), list[object]()
    for number, raises in plan:
        fault = sqlite3.IntegrityError if number in kept else ValueError if raises else None
        outcomes.append(fault or number)
        kept |= set() if fault else {number}
    return kept, outcomes


@given(plans)
def test_a_batch_keeps_exactly_the_changes_that_did_not_raise(plan: list[tuple[int, bool]]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (n PRIMARY KEY)")
        outcomes = batch.commit(connection, [change(*each) for each in plan])
        kept = {row[0] for row in connection.execute("SELECT n FROM numbers")}
    assert (kept, [type(o.error) if o.error else o.value for o in outcomes]) == expected(plan)


def test_a_storage_fault_fails_the_whole_batch() -> None:
    def full(_: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (n PRIMARY KEY)")
        with pytest.raises(sqlite3.OperationalError, match="full") as caught:
            batch.commit(connection, [change(1, False), full])
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (0,)
    assert "free space" in faults.unavailable("labd.db", caught.value).hint


def test_a_change_that_ends_the_transaction_fails_the_batch() -> None:
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as connection,
        pytest.raises(sqlite3.OperationalError, match="no such savepoint"),
    ):
        batch.commit(connection, [lambda c: c.execute("COMMIT")])
