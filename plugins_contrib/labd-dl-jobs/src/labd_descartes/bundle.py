"""What the SDK uploads: an archive with the code and the data of a group. Read, never run; it blocks."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from labd.api import UsageError

ENTRY = "dist/__dlentrypoint__.py"
REQUIREMENTS = "requirements.txt"
PIECE = 2**20
"""Bytes of one piece of a file."""

MOST_FILES = 10_000


def pieces(file: BinaryIO, most: int) -> Iterator[tuple[str, bytes]]:
    """Each file of the archive as its name and its bytes, in pieces of :data:`PIECE`.

    Raises UsageError for what is no archive, a name that leads out of it, and more than *most* bytes in all.
    """
    left = most
    try:
        with zipfile.ZipFile(file) as archive:
            for member in _members(archive):
                with archive.open(member) as content:
                    yield member.filename, b""
                    while data := content.read(PIECE):
                        left -= len(data)
                        if left < 0:
                            raise UsageError(f"the bundle has more than {most} bytes when unpacked")
                        yield member.filename, data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UsageError(f"the bundle is no zip file that can be read: {error}") from None


def manifest(found: Iterator[tuple[str, bytes]]) -> tuple[dict[str, list[str]], list[str]]:
    """The digests of the pieces of each file, and what is to be installed. Raises UsageError."""
    data: dict[str, list[str]] = {}
    wanted = bytearray()
    for name, piece in found:
        data.setdefault(name, []).extend([hashlib.sha256(piece).hexdigest()] if piece else [])
        if name == REQUIREMENTS:
            wanted += piece
    if ENTRY not in data:
        raise UsageError(f"the bundle has no {ENTRY}", hint="the SDK makes it: create_function(...)")
    return data, requirements(wanted.decode("utf-8", "replace"))


def requirements(text: str) -> list[str]:
    """The lines of a requirements file, without comments."""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    found = [member for member in archive.infolist() if not member.is_dir()]
    if len(found) > MOST_FILES:
        raise UsageError(f"the bundle has {len(found)} files, the limit is {MOST_FILES}")
    for member in found:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or {"..", "."} & {*path.parts} or str(path) != member.filename:
            raise UsageError(f"the bundle has a file with the name {member.filename!r}")
    return found
