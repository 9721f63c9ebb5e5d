"""Sends log records to systemd's journal, with their fields.

The protocol is https://systemd.io/JOURNAL_NATIVE_PROTOCOL/: one datagram of ``NAME=value`` lines; a
value with a line break goes as name, line break, length (64 bits, little-endian), value; what is too
large for a datagram goes as a sealed memory file whose descriptor is sent.
"""

import array
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Mapping
from typing import TextIO

from labd.daemon import log_formats

JOURNAL = "/run/systemd/journal/socket"

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""syslog's numbers; whatever is below info is 7, debug."""

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def is_journal(stream: TextIO, env: Mapping[str, str]) -> bool:
    """True when *stream* is the one that ``JOURNAL_STREAM`` (device:inode) speaks of."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
    return env.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def encode(fields: Mapping[str, object]) -> bytes:
    """*fields* in the journal's protocol."""
    return b"".join(_field(name, str(value)) for name, value in fields.items())


def entry(record: logging.LogRecord) -> bytes:
    """A log record in the journal's protocol."""
    return encode(fields(record))


def fields(record: logging.LogRecord) -> dict[str, object]:
    """The journal's fields for a log record."""
    text = log_formats.message(record)
    about = {f"LABD_{key.upper()}": value for key, value in log_formats.context(record).items()}
    return {
        "MESSAGE": "\n".join(filter(None, [text, log_formats.error(record)])),
        "PRIORITY": next((number for level, number in PRIORITIES if record.levelno >= level), 7),
        "SYSLOG_IDENTIFIER": "labd",
        "CODE_FILE": record.pathname,
        "CODE_LINE": record.lineno,
        "CODE_FUNC": record.funcName,
        "LABD_LOGGER": record.name,
        **about,
    }


class Journal:
    """The journal behind the socket at *path*. Raises OSError when it takes nothing just now."""

    def __init__(self, path: str = JOURNAL) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def send(self, entry: bytes) -> None:
        """Hand over one entry."""
        try:
            self._socket.sendto(entry, self._path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            self._send_file(entry)

    def close(self) -> None:
        self._socket.close()

    def _send_file(self, entry: bytes) -> None:
        fd = os.memfd_create("labd-journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(fd, "wb", closefd=False) as file:
                file.write(entry)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
            self._socket.sendmsg([], [rights], 0, self._path)
        finally:
            os.close(fd)


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode(), data)
    return b"%s\n%s%s\n" % (name.encode(), len(data).to_bytes(8, "little"), data)
