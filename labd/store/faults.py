"""Which errors mean that the disk, and not a change, is at fault; and what a person reads then."""

import errno
import sqlite3

from labd.errors import StoreUnavailable

_FULL = {sqlite3.SQLITE_FULL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_CLOSED_TO_US = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_MACHINE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERNAL, sqlite3.SQLITE_NOLFS}

_HINTS = (
    (_FULL, "free space on that disk; labd tries again by itself"),
    (_DAMAGED, "restart labd: it sets the file aside and restores the newest snapshot"),
    (_CLOSED_TO_US, "check the owner and mode of the file and its directory, and that the disk is writable"),
    (_BUSY, "another program holds the file: close it; only labd may write there"),
)


def code_of(error: BaseException) -> int:
    """SQLite's primary result code, 0 when *error* did not come from SQLite."""
    if isinstance(error, OSError):
        return sqlite3.SQLITE_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else sqlite3.SQLITE_IOERR
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_storage(error: BaseException) -> bool:
    """True when SQLite could not store or fetch; False for a constraint, a type, a wrong statement."""
    if not isinstance(error, sqlite3.Error):
        return False
    return code_of(error) in _FULL | _DAMAGED | _CLOSED_TO_US | _BUSY | _MACHINE


def is_environment(error: BaseException) -> bool:
    """True when the bytes of the file may well be good and something around them is not."""
    return code_of(error) in _FULL | _CLOSED_TO_US | _BUSY | _MACHINE


def damage(found: str) -> sqlite3.DatabaseError:
    """The error that SQLite would raise had it met what a check has *found*."""
    error = sqlite3.DatabaseError(found)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def unavailable(path: str, error: BaseException) -> StoreUnavailable:
    """What callers are told: the file, SQLite's words, and what to do."""
    code = code_of(error)
    hint = next((hint for codes, hint in _HINTS if code in codes), "check the disk (dmesg, smartctl)")
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StoreUnavailable(f"{path}: {error} ({name})", hint=hint)
