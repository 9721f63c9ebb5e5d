"""On a worker of Dask: begins a task under labd's shim, once it may, and tells what became of it.

Tasks have folders in a spool of the machine, which outlives workers: so one that is started again, or another
one of the same machine, finds what there is.
"""

import contextlib
import os
import platform
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from labd.api.engines import cancel, command, put, standing, void
from labd_dask import VERSION

FILES = ("output", "out.log", "exit")
PATIENCE = 1.0
"""Seconds until labd is asked again whether a task may begin."""

QUESTIONS = 60
PAUSE = 0.1


class _Answer:
    def __init__(self) -> None:
        self.came, self.yes = threading.Event(), False


_asked: dict[str, _Answer] = {}


def run(key: str, task: bytes, spool: str, topic: str) -> dict[str, Any]:
    """Run *task* unless it was begun before; how it stands then, and what it left."""
    folder = os.path.join(place(spool), key)
    if not os.path.isdir(folder):
        if not _may_begin(key, spool, topic):
            return {"state": "never", "files": {}, "place": ""}
        _make(folder, task)
    subprocess.run(command(folder), stdin=subprocess.DEVNULL, start_new_session=True, check=False)
    while (state := standing(folder)) == "running":  # a former worker of this machine had begun it
        time.sleep(PAUSE)
    return {"state": state, "files": bring(key, spool), "place": platform.node()}


def answer(keys: Mapping[str, bool]) -> None:
    """What labd says to the question whether these may begin."""
    for key, yes in keys.items():
        if (found := _asked.get(key)) is not None:
            found.yes = yes
            found.came.set()


def stand(keys: Sequence[str], spool: str, identity: str) -> dict[str, str]:
    """How these tasks, that nobody begins any more, stand in this spool; nothing when it is not *identity*.

    What has not begun is made void.
    """
    if identity_of(spool) != identity:
        return {}
    return {key: _settled(os.path.join(place(spool), key)) for key in keys}


def bring(key: str, spool: str) -> dict[str, bytes]:
    """What a task left."""
    found = {}
    for name in FILES:
        with (
            contextlib.suppress(FileNotFoundError),
            open(os.path.join(place(spool), key, name), "rb") as file,
        ):
            found[name] = file.read()
    return found


def stop(keys: Sequence[str], spool: str) -> None:
    """End those of these tasks that are here."""
    for key in keys:
        with contextlib.suppress(FileNotFoundError):
            cancel(os.path.join(place(spool), key))


def drop(keys: Sequence[str], spool: str) -> None:
    """Forget these tasks, all of which have ended."""
    for key in keys:
        shutil.rmtree(os.path.join(place(spool), key), ignore_errors=True)


def versions(spool: str) -> dict[str, Any]:
    """What must fit to the helper's own, and which spool this is."""
    import distributed

    return {
        "labd-dask": VERSION, "distributed": distributed.__version__,
        "python": platform.python_version().rpartition(".")[0], "spool": identity_of(spool),
    }  # fmt: skip


def place(spool: str) -> str:
    """The folder of tasks, which is made; without a *spool* one in the home folder."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    path = spool or os.path.join(state, "labd", "dask")
    os.makedirs(path, 0o711, exist_ok=True)
    return path


def identity_of(spool: str) -> str:
    """The name that a spool gave itself when it was first used: machines that share it are one place."""
    path = os.path.join(place(spool), "identity")
    with contextlib.suppress(FileNotFoundError), open(path) as file:
        return file.read()
    drafted = f"{path}.{secrets.token_hex(8)}"
    with open(drafted, "w") as file:
        file.write(secrets.token_hex(16))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(drafted, path)
    os.unlink(drafted)
    return identity_of(spool)


def _may_begin(key: str, spool: str, topic: str) -> bool:
    from distributed import get_worker

    worker, identity = get_worker(), identity_of(spool)
    found = _asked.setdefault(key, _Answer())
    try:
        for _ in range(QUESTIONS):
            worker.log_event(topic, {"key": key, "spool": identity, "worker": worker.address})
            if found.came.wait(PATIENCE):
                return found.yes
        return False
    finally:
        _asked.pop(key, None)


def _make(folder: str, task: bytes) -> None:
    drafted = f"{folder}.{secrets.token_hex(4)}"
    os.mkdir(drafted, 0o700)
    put(drafted, "task.json", task)
    try:
        os.rename(drafted, folder)
    except OSError:  # somebody was first
        shutil.rmtree(drafted)


def _settled(folder: str) -> str:
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    return void(folder)


def by_identity(found: Mapping[str, Any]) -> dict[str, str]:
    """A worker for each spool, of the answers of :func:`versions`."""
    return {one["spool"]: address for address, one in found.items() if isinstance(one, dict)}
