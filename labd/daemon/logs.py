"""Sets up logging: for people on a terminal, JSON lines elsewhere, the journal's own protocol under it.

Nothing that happens here reaches the daemon: a thread of its own writes the lines, a full queue drops
and counts, and a wrong log call becomes a line that says so.
"""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, NamedTuple, TextIO

from labd.daemon import journal, log_formats

Format = Literal["auto", "human", "json", "journal"]

QUEUE = 10_000
"""Lines that may wait for a slow reader of standard error."""

FLUSH = 2.0
"""Seconds that the end of the process waits for the last lines."""

Write = Callable[[], object]
"""Writes one record; it may block, and may raise OSError or ValueError."""


class LogStatistics(NamedTuple):
    """Lines written, and lines lost because nobody read them or the sink was gone."""

    written: int
    dropped: int


class LogHandler(logging.Handler):
    """Renders in the caller's thread, writes in its own: a blocked terminal holds up nobody.

    ``prepare(record)`` renders a record and returns what writes it; *close* gives back the sink.
    """

    def __init__(
        self,
        prepare: Callable[[logging.LogRecord], Write],
        close: Callable[[], object] = lambda: None,
        *,
        room: int = QUEUE,
    ) -> None:
        super().__init__()
        self._prepare = prepare
        self._close = close
        self._writes: queue.Queue[Write | None] = queue.Queue(room)
        self._written = 0
        self._dropped = 0
        self._thread = threading.Thread(target=self._drain, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writes.put_nowait(self._prepare(record))
        except Exception:  # full, or an object whose repr raises: logging must never be the fault
            self._dropped += 1

    def flush(self) -> None:
        """Wait until what was logged so far is written, at most :data:`FLUSH` seconds."""
        if self._thread.is_alive():
            with self._writes.all_tasks_done:
                self._writes.all_tasks_done.wait_for(lambda: not self._writes.unfinished_tasks, FLUSH)

    def close(self) -> None:
        """Write what is waiting, then let the sink go."""
        if self._thread.is_alive():
            self.flush()
            self._end()
            self._thread.join(FLUSH)
        super().close()

    def statistics(self) -> LogStatistics:
        """The lines so far."""
        return LogStatistics(self._written, self._dropped)

    def _end(self) -> None:
        try:
            self._writes.put_nowait(None)
        except queue.Full:  # the sink is stuck; the thread is a daemon and ends with the process
            pass

    def _drain(self) -> None:
        while (write := self._writes.get()) is not None:
            try:
                write()
                self._written += 1
            except (OSError, ValueError):  # the terminal has gone, or the journal restarts
                self._dropped += 1
            self._writes.task_done()
        self._close()


def setup(
    format: Format = "auto",
    level: str = "info",
    stream: TextIO | None = None,
    *,
    env: Mapping[str, str] = os.environ,
    journal_path: str = journal.JOURNAL,
) -> LogHandler:
    """Send everything that is logged, from *level* up, to *stream* (standard error) or the journal.

    ``auto``: the journal if *stream* is connected to it, else ``human`` on a terminal, else ``json``.
    ``NO_COLOR`` is honoured. A second call replaces the first.
    """
    sink = sys.stderr if stream is None else stream
    handler = _handler(_choose(sink, env) if format == "auto" else format, sink, env, journal_path)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, LogHandler)]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    return handler


def _choose(stream: TextIO, env: Mapping[str, str]) -> Format:
    if journal.is_journal(stream, env):
        return "journal"
    return "human" if stream.isatty() else "json"


def _handler(format: Format, stream: TextIO, env: Mapping[str, str], journal_path: str) -> LogHandler:
    if format == "journal":
        sink = journal.Journal(journal_path)
        return LogHandler(lambda record: partial(sink.send, journal.entry(record)), sink.close)
    if format == "json":
        return LogHandler(lambda record: partial(_print, stream, log_formats.as_json(record)))
    colour = stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    return LogHandler(lambda record: partial(_print, stream, log_formats.human(record, colour=colour)))


def _print(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()
