"""Programs and commands, run as a person would, in folders and at ports of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0
BIN = Path(sys.executable).parent


def free_ports(count: int = 2) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in found]


def until(true: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for *true*, and give what it gave."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


def env() -> dict[str, str]:
    """The environment without what would tell labd where to be."""
    return {
        k: v for k, v in os.environ.items() if not k.startswith(("LABD_", "XDG_")) and "_DIRECTORY" not in k
    }


def command(name: str) -> list[str]:
    """The words that run the command *name*, whether it is installed or not."""
    kind, verb = name.removeprefix("wkr-").split("-")
    code = (
        f"import sys; sys.argv[0] = {name!r}; from labd_wkr.commands.{kind} import {verb}; sys.exit({verb}())"
    )
    return [sys.executable, "-c", code]


def run(folder: Path, words: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, cwd=folder, env=env(), capture_output=True, text=True, check=False, timeout=PATIENCE, **options
    )


@contextlib.contextmanager
def running(folder: Path, words: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A program in the background, with its output in ``out``; ended with all of its group."""
    with Path(folder, "out").open("ab") as out:
        process = subprocess.Popen(
            words, cwd=folder, env=env(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
