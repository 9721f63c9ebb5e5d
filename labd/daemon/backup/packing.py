"""Compression by the name of the file: none, gzip of Python, zstd by its program."""

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Protocol

from labd.errors import LabdError, UsageError


class SupportsRead(Protocol):
    """Of a stream, what is needed here."""

    def read(self, size: int, /) -> bytes: ...


ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.zst")


def check_name(path: str) -> None:
    """Raise UsageError for a name that says no form, LabdError without the program for it."""
    if not path.endswith(ENDINGS):
        raise UsageError(f"{path}: the name says no form", hint=f"it ends with {', '.join(ENDINGS)}")
    if path.endswith(".zst") and not shutil.which("zstd"):
        raise LabdError(f"{path}: the program zstd is not installed", hint="apt install zstd, or use .tar.gz")


@contextmanager
def packed(out: BinaryIO, path: str) -> Iterator[IO[bytes]]:
    """A stream into *out*, in the form that the name *path* says. Raises LabdError when zstd fails."""
    if path.endswith(".tar"):
        yield out
    elif path.endswith(".zst"):
        with _zstd(["zstd", "-q", "-c", "-T0"], path, stdin=subprocess.PIPE, stdout=out) as process:
            assert process.stdin is not None
            yield process.stdin
            process.stdin.close()
    else:
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as stream:
            yield stream  # type: ignore[misc]  # a stream in all but its class


@contextmanager
def unpacked(path: str) -> Iterator[IO[bytes]]:
    """The bytes of the archive at *path*. Raises OSError, and LabdError when zstd fails."""
    if path.endswith(".zst"):
        with _zstd(["zstd", "-q", "-d", "-c", "--", path], path, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout
            _to_the_end(process.stdout)  # a pipe that closes early would be an error of zstd's
    elif path.endswith(".tar"):
        with open(path, "rb") as plain:
            yield plain
    else:
        with gzip.open(path, "rb") as stream:
            yield stream  # type: ignore[misc]
            _to_the_end(stream)  # where gzip has its checksum


def _to_the_end(stream: SupportsRead) -> None:
    while stream.read(2**20):
        pass


@contextmanager
def _zstd(words: list[str], path: str, **pipes: object) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(words, stderr=subprocess.PIPE, **pipes)  # type: ignore[call-overload]
    try:
        yield process
    except BrokenPipeError:
        pass  # it has ended, and says why
    except BaseException:
        process.kill()
        process.wait()
        raise
    told = process.stderr.read().decode(errors="replace").strip()
    if process.wait():
        raise LabdError(f"{path}: zstd: {told}", hint="nothing was changed")
