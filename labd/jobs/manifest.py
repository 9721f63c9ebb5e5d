"""What a frozen tree holds: files by their digest, and links. Pure; labctl and the daemon share it.

As bytes it is a JSON list, sorted by path, of ``{"path", "mode", "digest", "size"}`` for a file (mode
``644`` or ``755``) and ``{"path", "link"}`` for a symbolic link. Folders are not listed.
"""

import json
import os.path
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeGuard

from labd.errors import UsageError

MAX_FILES = 100_000
"""Entries of a manifest."""

MAX_SIZE = 64 * 2**20
"""Bytes of a manifest."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MODES = ("644", "755")


class File(NamedTuple):
    """A regular file; *size* is in bytes."""

    path: str
    digest: str
    size: int
    executable: bool = False


class Link(NamedTuple):
    """A symbolic link and what it says."""

    path: str
    target: str


class Manifest(NamedTuple):
    """A whole tree. No path of it leads out of it, or through a link."""

    files: tuple[File, ...]
    links: tuple[Link, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digests(self) -> set[str]:
        """The blobs that it names."""
        return {file.digest for file in self.files}


def encode(files: Iterable[File], links: Iterable[Link]) -> bytes:
    """The bytes of a manifest: the same for the same tree."""
    entries: list[dict[str, Any]] = [
        {"path": f.path, "mode": _MODES[f.executable], "digest": f.digest, "size": f.size} for f in files
    ]
    entries += [{"path": link.path, "link": link.target} for link in links]
    return json.dumps(sorted(entries, key=lambda entry: str(entry["path"])), separators=(",", ":")).encode()


def decode(data: bytes) -> Manifest:
    """The manifest in *data*, which may come from anybody. Raises UsageError for what is no honest tree."""
    if len(data) > MAX_SIZE:
        raise UsageError(f"a manifest of {len(data)} bytes is above the limit of {MAX_SIZE}")
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the manifest is not JSON: {error}") from None
    if not isinstance(entries, list) or len(entries) > MAX_FILES:
        raise UsageError(f"the manifest is not a list of at most {MAX_FILES} entries")
    found = [_entry(entry) for entry in entries]
    _check_places([entry.path for entry in found])
    files = tuple(entry for entry in found if isinstance(entry, File))
    return Manifest(files, tuple(entry for entry in found if isinstance(entry, Link)))


def within(root: str, path: str) -> str | None:
    """Where *path* is below *root* (empty for the root itself), or None when it is elsewhere."""
    root, path = os.path.normpath(root), os.path.normpath(path)
    if path == root:
        return ""
    start = root.rstrip("/") + "/"
    return path.removeprefix(start) if path.startswith(start) else None


def _entry(entry: Any) -> File | Link:
    if isinstance(entry, dict) and _is_path(path := entry.get("path")):
        if entry.keys() == {"path", "link"} and _is_text(entry["link"]):
            return Link(path, entry["link"])
        if entry.keys() == {"path", "mode", "digest", "size"} and _is_file(entry):
            return File(path, entry["digest"], entry["size"], entry["mode"] == "755")
    raise UsageError(
        f"the manifest has an entry that is none: {str(entry)[:200]}",
        hint="paths are relative, without . and .. in them",
    )


def _is_file(entry: dict[str, Any]) -> bool:
    digest, size = entry["digest"], entry["size"]
    known = isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None and entry["mode"] in _MODES
    return known and type(size) is int and 0 <= size < 2**62


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) < 4096 and "\0" not in value


def _is_path(value: Any) -> TypeGuard[str]:
    return _is_text(value) and not {"", ".", ".."} & set(value.split("/"))


def _check_places(paths: list[str]) -> None:
    """Each path once, in order, and none below a file or a link."""
    taken = set(paths)
    if paths != sorted(taken):
        raise UsageError("the manifest names a path twice, or is not sorted")
    for path in paths:
        above = path.rpartition("/")[0]
        while above:
            if above in taken:
                raise UsageError(f"the manifest has {path!r} below {above!r}, which is no folder")
            above = above.rpartition("/")[0]
