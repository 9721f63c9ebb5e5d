"""Which user has put which blob: the only SQL on the table ``blob_owners``.

Blobs are kept once for all. That a digest is known must give nobody the bytes, and must not tell whether
somebody else has them; so a user can name only what they have put themselves.
"""

import json
import sqlite3
from collections.abc import Iterable


def put(conn: sqlite3.Connection, uid: int, digests: Iterable[str]) -> None:
    """The user *uid* has shown that they have the bytes of these."""
    rows = [(uid, digest) for digest in digests]
    conn.executemany("insert or ignore into blob_owners(uid, digest) values(?, ?)", rows)


def owned(conn: sqlite3.Connection, uid: int, digests: Iterable[str]) -> set[str]:
    """Those of *digests* that the user has put; their blobs may have been removed since."""
    rows = conn.execute(
        "select digest from blob_owners where uid = ? and digest in (select value from json_each(?))",
        (uid, json.dumps(list(digests))),
    )
    return {digest for (digest,) in rows}


def known(conn: sqlite3.Connection) -> list[str]:
    """Every blob that some user has put."""
    return [digest for (digest,) in conn.execute("select distinct digest from blob_owners")]


def forget(conn: sqlite3.Connection, digests: Iterable[str]) -> None:
    """These blobs are removed."""
    conn.execute(
        "delete from blob_owners where digest in (select value from json_each(?))",
        (json.dumps(list(digests)),),
    )
