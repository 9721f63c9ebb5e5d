"""What a job says: on the console, and in its log file."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from labd.dljob.ndjson import dump
from labd.dljob.results import brief

RULE = "-" * 100
LOUD = "*" * 100


class Console:
    """Where a job talks. This one prints everything to *stream*, else to standard output of the moment."""

    data = False
    """Whether results and errors are wanted of a job that is not noisy, too."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def talk(self, text: str) -> None:
        """Say a line about the job."""
        print(text, file=self._stream or sys.stdout, flush=True)

    def result(self, task: int, value: Any) -> None:
        """A task has a result."""
        self.talk(f"- {dump(value)}")

    def error(self, task: int, value: Any) -> None:
        """A task has an error."""
        self.talk(f"- {dump(brief(value))}")

    def done(self, summary: dict[str, Any]) -> None:
        """The job is complete; *summary* has its numbers and files."""


class Journal:
    """Console and log file of one job; an empty *path* is no file. Suppressed words drop their lines."""

    def __init__(self, console: Console, path: str, noisy: bool, suppress: tuple[str, ...]) -> None:
        self.console, self.path, self._noisy = console, path, noisy
        self._suppress = [word.lower() for word in suppress]
        if path:
            prepare(path)

    def head(self, what: str) -> None:
        """A header: a new part of the job begins."""
        self.note(f"DLJob.{what}: ")
        self.note(RULE)

    def item(self, text: str) -> None:
        """One thing of a part."""
        self.note(f"- {text}")

    def warn(self, text: str) -> None:
        """Something is not as asked."""
        self.note(f"[WARNING] {text}")

    def note(self, text: str) -> None:
        """A line as it is."""
        if self._wanted(text):
            self._file(text)
            if self._noisy:
                self.console.talk(text)

    def result(self, task: int, value: Any) -> None:
        self._value(task, value, value, self.console.result)

    def error(self, task: int, value: Any) -> None:
        self._value(task, value, brief(value), self.console.error)

    def _value(self, task: int, value: Any, shown: Any, tell: Callable[[int, Any], None]) -> None:
        text = dump(shown)
        if self._wanted(text):
            self._file(f"- {text}")
            if self._noisy or self.console.data:
                tell(task, value)

    def _wanted(self, text: str) -> bool:
        lower = text.lower()
        return not any(word in lower for word in self._suppress)

    def _file(self, text: str) -> None:
        if self.path:
            append(self.path, text)


def prepare(path: str) -> None:
    """Make the folder of a file that will be written. Raises OSError now rather than after hours of work."""
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".{Path(path).name}.probe"
    probe.touch()
    probe.unlink()


def append(path: str, line: str) -> None:
    """Add a line to a file, with one write."""
    with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(line + "\n")
