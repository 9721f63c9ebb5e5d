"""Real attempts for tests: a zygote, orders, and looks at what became of them."""

import array
import json
import os
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labd.jobs import attempts, strays
from labd.jobs.shim import marks
from labd.jobs.shim.spawn import Zygote, start_zygote
from labd.process import procs
from tests.support import wait_until


def order(*argv: str, **changes: Any) -> dict[str, Any]:
    """An order to run *argv* with a token of its own."""
    env = {"PATH": os.defpath, "LABD_TOKEN": uuid.uuid4().hex}
    return {"argv": list(argv), "cwd": "/", "env": env, "grace": 1.0, "time_limit": None} | changes


def shell(text: str, **changes: Any) -> dict[str, Any]:
    return order("/bin/sh", "-c", text, **changes)


def python(text: str, **changes: Any) -> dict[str, Any]:
    return order(sys.executable, "-I", "-S", "-c", text, **changes)


@contextmanager
def running_zygote() -> Iterator[Zygote]:
    zygote = start_zygote()
    try:
        yield zygote
    finally:
        zygote.socket.close()
        zygote.process.wait(60)


def ask(zygote: Zygote, folder: str, lock: int) -> None:
    """Send one request; the lock is then the zygote's."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [lock]))]
    zygote.socket.sendmsg([json.dumps({"dir": folder}).encode()], rights)
    os.close(lock)


def answer(zygote: Zygote) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(zygote.socket.recv(65536))
    return reply


class Attempt:
    """One attempt, launched without a daemon."""

    def __init__(self, zygote: Zygote, folder: str, what: dict[str, Any]) -> None:
        self.folder, self.token = folder, what["env"].get("LABD_TOKEN", "")
        ask(zygote, folder, attempts.prepare(folder, what))
        self.pid = int(answer(zygote)["pid"])

    def until_over(self) -> dict[str, Any]:
        """Wait until the shim has gone; the exit record."""
        wait_until(lambda: attempts.inspect(self.folder).kind in ("exited", "lost"))
        wait_until(self.released)
        found = attempts.inspect(self.folder)
        assert found.exit is not None, found
        return found.exit

    def released(self) -> bool:
        return not attempts.locked(self.folder)

    def log(self) -> str:
        return Path(self.folder, marks.LOG).read_text()

    def until_logged(self, text: str) -> str:
        wait_until(lambda: os.path.exists(f"{self.folder}/out.log") and text in self.log())
        return self.log()

    def processes(self) -> list[int]:
        return strays.find(self.token)


def living(pid: int) -> bool:
    """Whether *pid* runs; a zombie that PID 1 has not collected yet does not."""
    found = procs.look(pid)
    return found is not None and found.state not in "ZX"
