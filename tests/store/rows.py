"""Changes and questions for tests: numbered rows in ``events``."""

import sqlite3
from collections.abc import Callable

from labd.store import Store

Open = Callable[..., Store]


def add(number: int, data: str = "{}") -> Callable[[sqlite3.Connection], int]:
    def change(connection: sqlite3.Connection) -> int:
        row = (number, 0.0, "test", data)
        connection.execute("INSERT INTO events (seq, time, kind, data) VALUES (?, ?, ?, ?)", row)
        return number

    return change


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT seq FROM events ORDER BY seq")]


def fill(store: Store, count: int) -> None:
    """Put rows into a store that is not running, by closing it."""
    for number in range(1, count + 1):
        store.enqueue(add(number, "x" * 300))
    store.close()
