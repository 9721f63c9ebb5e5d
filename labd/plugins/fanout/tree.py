"""In a worker of the user: a folder for each set of files that came with a map. Standard library only."""

import os
import shutil
import time

UNUSED = 30 * 86_400.0
"""Seconds after which a folder that no map asked for is removed."""


class Tree:
    """The folder *name*, which is whole or not there: :meth:`find`, else :meth:`put` and :meth:`finish`."""

    def __init__(self, name: str) -> None:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self._home = os.path.join(cache, "labd", "data")
        self._folder = os.path.join(self._home, name)
        self._new = f"{self._folder}.{os.getpid()}.new"
        os.makedirs(self._home, mode=0o700, exist_ok=True)

    def find(self) -> str:
        """The path of the folder; empty when it is not there."""
        try:
            os.utime(self._folder)
        except FileNotFoundError:
            return ""
        return self._folder

    def put(self, path: str, piece: bytes) -> None:
        """More bytes for the file *path* of the folder, or its first ones."""
        whole = os.path.join(self._new, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "ab") as file:
            file.write(piece)

    def finish(self) -> str:
        """All files are there: give the folder its name. Its path."""
        os.makedirs(self._new, exist_ok=True)
        try:
            os.rename(self._new, self._folder)
        except OSError:
            if not os.path.isdir(self._folder):
                raise
            shutil.rmtree(self._new)  # another map with these files was quicker
        self._prune()
        return self._folder

    def _prune(self) -> None:
        oldest = time.time() - UNUSED
        for entry in os.scandir(self._home):
            if entry.stat(follow_symlinks=False).st_mtime < oldest:
                shutil.rmtree(entry.path, ignore_errors=True)
