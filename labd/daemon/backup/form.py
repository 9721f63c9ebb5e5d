"""What a backup is: a tar archive whose first member says of what, and whose last lists all. Pure.

The list has a line for each member with everything that counts: its bytes by their SHA-256, its owner, its
mode. An archive that ends before its list is not a backup.
"""

import json
import re
import tarfile
from typing import Any

import msgspec

from labd.errors import StateError

FORMAT = 1
"""Of the archive. A newer one is refused."""

ABOUT, LIST = "labd-backup.json", "manifest.ndjson"
STORE = "labd.db"
FOLDERS = ("blobs", "jobs")
"""What of a state directory is in a backup besides the store."""

_NAME = re.compile(r"(labd\.db|(blobs|jobs)(/[^/]+)*)")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """The first member. ``made`` is Unix seconds; ``uid`` and ``gid`` are of labd there."""

    format: int
    labd: str
    store_format: int
    epoch: str
    made: float
    host: str
    boot_id: str
    state_dir: str
    uid: int
    gid: int
    folders: bool
    attempts: int
    blobs: int


def read_about(data: bytes, where: str) -> About:
    """The first member of the archive *where*. Raises StateError when it is none, or of a newer labd."""
    try:
        found: Any = msgspec.json.decode(data)
        newer = int(found["format"]) > FORMAT
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise not_a_backup(where, str(error)) from error
    if newer:
        raise StateError(
            f"{where} has format {found['format']}, made by labd {found.get('labd', '?')}; this labd knows "
            f"formats up to {FORMAT}",
            hint="restore it with that labd, or a newer one",
        )
    try:
        return msgspec.convert(found, About)
    except msgspec.ValidationError as error:
        raise not_a_backup(where, str(error)) from error


def line(info: tarfile.TarInfo, digest: str) -> bytes:
    """The line of the list for one member."""
    kind = "dir" if info.isdir() else "link" if info.issym() else "file"
    found = {
        "path": info.name, "type": kind, "size": info.size, "sha256": digest, "mode": info.mode,
        "uid": info.uid, "gid": info.gid, "target": info.linkname,
    }  # fmt: skip
    return json.dumps(found).encode() + b"\n"


def check_member(info: tarfile.TarInfo, where: str) -> None:
    """Raise StateError for a member that a backup cannot have."""
    parts = info.name.split("/")
    if not _NAME.fullmatch(info.name) or ".." in parts or "." in parts:
        raise not_a_backup(where, f"it has a member {info.name!r}")
    if not (info.isreg() or info.isdir() or info.issym()) or (info.name == STORE and not info.isreg()):
        raise not_a_backup(where, f"its member {info.name!r} is neither file, folder nor link")


def not_a_backup(where: str, why: str) -> StateError:
    """The error for an archive that is something else, or damaged."""
    return StateError(
        f"{where} is not a whole backup: {why}", hint="nothing was changed; take another copy of the file"
    )
