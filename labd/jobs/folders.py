"""The folders of attempts on the disk, all of them: which there are, how large, and how one goes.

Everything here blocks. A job may have done anything in its folder: it is never followed out of it.
"""

import os
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterable

from labd.jobs import attempts


def listed(state_dir: str) -> dict[int, list[str]]:
    """Every attempt folder, by the job that it belongs to."""
    found: dict[int, list[str]] = defaultdict(list)
    for bucket in _entries(os.path.join(state_dir, "jobs")):
        for path in _entries(bucket):
            job, dot, number = os.path.basename(path).partition(".")
            if dot and job.isdecimal() and number.isdecimal():
                found[int(job)].append(path)
    return dict(found)


def touched(paths: Iterable[str]) -> float:
    """When something was last made or renamed in one of *paths*, Unix seconds."""
    return max((os.stat(path).st_mtime for path in paths if os.path.isdir(path)), default=0.0)


def size(path: str) -> int:
    """Bytes on the disk below *path*; what cannot be read counts nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in (*names, "."):
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue  # gone meanwhile, or not ours to read
    return total


def remove(path: str) -> int:
    """Remove the folder *path*; the bytes that it took. Raises OSError, and nothing or a part is gone then.

    One whose lock is held raises BlockingIOError: its shim lives.
    """
    if attempts.locked(path):
        raise BlockingIOError(f"{path} is locked")
    freed = size(path)
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return 0
    except PermissionError:
        if os.geteuid() == 0:
            raise
        _open_up(path)
        shutil.rmtree(path)
    except RecursionError as error:
        raise OSError(f"{path} has folders within folders, too deep") from error
    return freed


def _open_up(path: str) -> None:
    """Let the owner write in every folder below: some programs keep theirs read-only."""
    for _, folders, _, fd in os.fwalk(path, follow_symlinks=False):
        os.fchmod(fd, stat.S_IRWXU)
        for name in folders:
            if not stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode):
                os.chmod(name, stat.S_IRWXU, dir_fd=fd)


def remove_empty(state_dir: str, below: int) -> None:
    """Remove folders of folders that are empty, but for the one in which job *below* has its own.

    Quick; for the loop, where new attempt folders are made as well.
    """
    for bucket in _entries(os.path.join(state_dir, "jobs")):
        if bucket != os.path.dirname(attempts.folder(state_dir, below, 1)):
            try:
                os.rmdir(bucket)
            except OSError:
                continue  # not empty


def _entries(path: str) -> list[str]:
    try:
        return [entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
