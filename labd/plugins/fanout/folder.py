"""The folder of one map, and what is in it. Everything here blocks.

``map.json`` is the record, ``arguments`` a JSON value a line. ``results`` has one line of ndjson for each
call that is done, ``logs`` what calls printed, and ``begun`` which calls were given to a worker before that.
"""

import os
import shutil
from typing import NamedTuple

import msgspec

from labd.plugins.fanout import files
from labd.plugins.fanout.files import Growing
from labd.plugins.fanout.model import Record
from labd.plugins.fanout.todo import Todo

_RECORD = msgspec.json.Decoder(Record)


class Begun(msgspec.Struct, omit_defaults=True):
    """Calls that were given to a worker, all for the same number of times: ``first`` to ``last``."""

    first: int
    last: int
    attempt: int
    round: int = 0


class Result(msgspec.Struct):
    """What is read of a line of results."""

    index: int
    attempt: int
    error: msgspec.Raw = msgspec.Raw()


_BEGUN = msgspec.json.Decoder(Begun)
_RESULT = msgspec.json.Decoder(Result)


class Grown(NamedTuple):
    """The files of a map that grow."""

    results: Growing
    logs: Growing
    begun: Growing


GONE = ".gone"
"""The end of the name of a folder that is being removed."""


class Folder:
    """The files of the map in *path*."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.arguments = os.path.join(path, "arguments")
        self.data = os.path.join(path, "data")
        self.staged = f"{path}.data"
        self.tasks = os.path.join(path, "tasks")

    def make(self, record: Record, arguments: bytes) -> None:
        """Make the folder with all that a new map needs; durable on return. Raises OSError."""
        made = f"{self.path}.new"
        files.empty(made)
        if arguments:
            files.write(os.path.join(made, "arguments"), arguments)
        if record.spec.data:
            os.rename(self.staged, os.path.join(made, "data"))
        files.write(os.path.join(made, "map.json"), msgspec.json.encode(record))
        files.sync_folder(made)
        os.rename(made, self.path)
        files.sync_folder(os.path.dirname(self.path))

    def save(self, record: Record) -> None:
        """Keep *record*; durable on return. Raises OSError."""
        files.replace(os.path.join(self.path, "map.json"), msgspec.json.encode(record))

    def load(self) -> Record:
        """The record. Raises OSError, msgspec.DecodeError."""
        with open(os.path.join(self.path, "map.json"), "rb") as file:
            return _RECORD.decode(file.read())

    def size(self) -> int:
        """Bytes of all files; 0 where it is not there any more."""
        return sum(
            _size(os.path.join(folder, name)) for folder, _, names in os.walk(self.path) for name in names
        )

    def remove(self) -> None:
        """Remove the folder: at once as far as anybody sees. Raises OSError."""
        os.rename(self.path, f"{self.path}{GONE}")
        files.sync_folder(os.path.dirname(self.path))
        shutil.rmtree(f"{self.path}{GONE}")

    def grown(self) -> Grown:
        """The files that grow, as far as whole lines of them are there."""
        return Grown(*(self._growing(name) for name in Grown._fields))

    def recall(self, todo: Todo, grown: Grown) -> None:
        """Tell *todo* what is recorded. Raises msgspec.DecodeError."""
        for line in files.lines(grown.begun.path, grown.begun.size):
            begun = _BEGUN.decode(line)
            todo.begun(range(begun.first, begun.last + 1), begun.attempt)
        for line in files.lines(grown.results.path, grown.results.size):
            result = _RESULT.decode(line)
            todo.begun([result.index], result.attempt)
            todo.known(result.index, not bytes(result.error))

    def unsure(self, todo: Todo, grown: Grown, round: int) -> list[int]:
        """The calls that were begun in this *round*, and of which nobody knows what became."""
        begun = map(_BEGUN.decode, files.lines(grown.begun.path, grown.begun.size))
        calls = {call for one in begun if one.round == round for call in range(one.first, one.last + 1)}
        return todo.unsure(sorted(calls))

    def forget_failures(self) -> Grown:
        """Leave out of the results what failed, for another round; the files as they are then."""
        grown = self.grown()
        kept = (
            line
            for line in files.lines(grown.results.path, grown.results.size)
            if not bytes(_RESULT.decode(line).error)
        )
        with open(f"{grown.results.path}.kept", "wb") as file:
            file.writelines(kept)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{grown.results.path}.kept", grown.results.path)
        files.sync_folder(self.path)
        return self.grown()

    def _growing(self, name: str) -> Growing:
        path = os.path.join(self.path, name)
        return Growing(path, files.whole_lines(path), late=name == "results")


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0  # of a task, which runs meanwhile
