"""A program that writes numbered rows with labd's own store, and says on stdout what it was told.

Each change adds one row and paints an older one, so that commits touch pages all over the file; the text
of a row is one letter, repeated.

``ACK n``: row n is durable. ``REFUSED n``: it is not stored. ``REOPENED``: the store healed. The mode
``die`` kills the program at the first refusal.
"""

import contextlib
import os
import signal
import sqlite3
import sys

import trio

from labd.errors import StoreUnavailable
from labd.store import Store, connect


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def change(connection: sqlite3.Connection, number: int) -> None:
    text = chr(ord("a") + number % 26) * 700
    connection.execute("INSERT INTO events (seq, time, kind, data) VALUES (?, 0, 'test', ?)", (number, text))
    connection.execute("UPDATE events SET data = ? WHERE seq = ?", (text, number * 37 % 100))


async def put(store: Store, number: int) -> None:
    try:
        await store.write(lambda connection: change(connection, number))
        say(f"ACK {number}")
    except StoreUnavailable:
        say(f"REFUSED {number}")


async def heal(store: Store) -> None:
    while store.failed:
        try:
            await store.reopen()
            say("REOPENED")
        except StoreUnavailable:
            await trio.sleep(0.001)


async def write_all(store: Store, first: int, count: int, mode: str) -> None:
    number, size = first, 1
    while number < first + count:
        async with trio.open_nursery() as nursery:
            for each in range(number, number + size):
                nursery.start_soon(put, store, each)
        number, size = number + size, size % 3 + 1
        if store.failed and mode == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        await heal(store)


async def main(folder: str, synchronous: str, first: int, count: int, mode: str) -> None:
    def make(path: str) -> sqlite3.Connection:
        connection = connect.writer(path)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        return connection

    store = Store.open(os.path.join(folder, "labd.db"), make=make, checkpoint_every=9)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        await write_all(store, first, count, mode)
        with contextlib.suppress(StoreUnavailable):
            await store.snapshot(os.path.join(folder, "copy.db"))
        store.close()


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
