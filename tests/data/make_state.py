"""Writes ``state-VERSION/labd.db``: a few rows of each table, as a labd of this version leaves them.

Run it once for each release that changes the format, commit the folder, and never change it again:
every later labd must load it. ``python tests/data/make_state.py 0.1``
"""

import os
import shutil
import sqlite3
import sys
from pathlib import Path

from labd.store import Store

STATEMENTS = (
    "INSERT INTO meta VALUES ('epoch', 'a1b2c3')",
    """INSERT INTO events VALUES
        (1, 1700000000.0, 'job.submitted', 'alice', '', 1, '{"job": 1}'),
        (2, 1700000001.5, 'job.started', 'labd', 'resources are free', 1, '{"job": 1, "attempt": 1}'),
        (3, 1700000002.0, 'daemon.started', 'labd', '', NULL, '{}')""",
    """INSERT INTO jobs VALUES
        (1, 'key-1', 1000, 'alice', 'train', 'running', 1, 1700000000.0, '{"argv": ["true"]}'),
        (2, NULL, 1000, 'alice', 'évaluer', 'succeeded', 0, 1700000000.25, '{"argv": ["false"]}')""",
    "INSERT INTO attempts VALUES (1, 1, 'running', '{}'), (2, 1, 'succeeded', '{\"exit_code\": 0}')",
    "INSERT INTO environments VALUES ('00ff', x'7b7d')",
)


def fill(connection: sqlite3.Connection) -> None:
    for statement in STATEMENTS:
        connection.execute(statement)


def main(version: str) -> None:
    folder = Path(__file__).parent / f"state-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    store = Store.open(str(folder / "labd.db"))
    store.enqueue(fill)
    store.close()
    os.chmod(folder / "labd.db", 0o644)  # so that everybody who checks the project out can read it


if __name__ == "__main__":
    main(sys.argv[1])
