"""The folders of tasks that an engine has: made before it gets them, read when they have ended.

One is there from before an engine hears of its task until all that became of it is recorded. Everything here
blocks, but what makes orders, which is pure.
"""

import os
import secrets
import shutil
from collections.abc import Sequence
from typing import Any

import msgspec

from labd.api import Needs, Task
from labd.plugins.fanout import files
from labd.plugins.fanout.model import MapSpec, Record
from labd.plugins.fanout.remote import GRACE

MOST = 256 * 2**20
"""Bytes of a file of a task that are read."""

TAIL = 2000
"""Characters of a task's own output that are told when it broke down."""

_CODE = (
    "import sys; root, folder = sys.argv[1:]; sys.path.insert(0, root);"
    "from labd.plugins.fanout.remote import main; sys.path.remove(root); sys.path.append(root); main(folder)"
)


class Batch(msgspec.Struct):
    """What labd keeps beside a task: its calls, and for how many times they were begun with it."""

    calls: list[int]
    attempts: list[int]


class Made(msgspec.Struct):
    """A task with the calls that are still to come from it, and their arguments."""

    task: Task
    batch: Batch
    lines: list[bytes]
    waiting: list[int]


class End(msgspec.Struct):
    """The record that a shim leaves; of another release there may be more in it."""

    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None


class Left(msgspec.Struct):
    """What a task left: the lines that it wrote, its end if there is one, and the last of its output."""

    lines: list[bytes]
    end: End | None
    log: str


def task_of(record: Record, folder: str, key: str, calls: int, user: str) -> Task:
    """What the engine is told of *calls* calls."""
    spec = record.spec
    return Task(
        key=key, folder=os.path.join(folder, key), name=f"{spec.title} (map {record.id})",
        needs=Needs(cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus, user=user),
        time_limit=longest(spec, calls),
    )  # fmt: skip


def longest(spec: MapSpec, calls: int) -> float:
    """Seconds that so many calls may take together; 0 for no limit."""
    return (spec.time_limit + GRACE) * calls + GRACE if spec.time_limit else 0.0


def order_of(made: Made, spec: MapSpec, python: str) -> dict[str, Any]:
    """What is to be run, as ``task.json`` has it."""
    told = {
        "function": spec.function, "source": spec.source, "kwargs": spec.kwargs, "path": spec.path,
        "modules": spec.modules, "time_limit": spec.time_limit, "calls": made.batch.calls,
        "bounds": spec.range, "lines": [line.decode() for line in made.lines],
    }  # fmt: skip
    return {
        "key": made.task.key, "argv": ["{python}", "-P", "-c", _CODE, "{labd}", "{folder}"], "python": python,
        "cwd": spec.cwd, "env": spec.env, "memory": spec.memory, "cpus": spec.cpus, "grace": GRACE,
        "time_limit": made.task.time_limit or None, "user": made.task.needs.user,
        "input": msgspec.json.encode(told).decode(),
    }  # fmt: skip


def new_key(record: Record) -> str:
    """A key that no task has ever had."""
    return f"m{record.id}-{secrets.token_hex(8)}"


def make(folder: str, made: Sequence[Made], spec: MapSpec, python: str) -> None:
    """Make the folders of tasks; durable on return. Raises OSError."""
    os.makedirs(folder, 0o711, exist_ok=True)
    for one in made:
        draft = f"{one.task.folder}.new"
        os.mkdir(draft, 0o700)
        files.write(os.path.join(draft, "task.json"), msgspec.json.encode(order_of(one, spec, python)))
        files.write(os.path.join(draft, "calls.json"), msgspec.json.encode(one.batch))
        files.sync_folder(draft)
        os.rename(draft, one.task.folder)
    files.sync_folder(folder)


def any_left(folder: str) -> bool:
    """Whether an engine may still have something of a map."""
    return os.path.isdir(folder) and bool(os.listdir(folder))


def find(folder: str, record: Record, user: str) -> list[tuple[Task, Batch]]:
    """The tasks that a former daemon had made. Raises OSError, msgspec.DecodeError."""
    found = []
    for key in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if key.endswith(".new"):
            shutil.rmtree(os.path.join(folder, key))  # no engine has heard of it
            continue
        with open(os.path.join(folder, key, "calls.json"), "rb") as file:
            batch = msgspec.json.decode(file.read(), type=Batch)
        found.append((task_of(record, folder, key, len(batch.calls), user), batch))
    return found


def read(task: Task) -> Left:
    """What is in the folder of *task*. Raises OSError."""
    data = _content(os.path.join(task.folder, "output"))
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    end = _content(os.path.join(task.folder, "exit"))
    log = _content(os.path.join(task.folder, "out.log"))[-TAIL:].decode(errors="replace")
    try:
        return Left(lines, msgspec.json.decode(end, type=End) if end else None, log.strip())
    except msgspec.DecodeError as error:
        return Left(lines, End(reason="exec_failed", message=f"its end cannot be read: {error}"), log.strip())


def remove(tasks: Sequence[Task]) -> None:
    """All that is to be said of *tasks* is recorded. Raises OSError."""
    for task in tasks:
        shutil.rmtree(task.folder, ignore_errors=True)


def _content(path: str) -> bytes:
    """A file that a task of another user may have written: whole, or nothing where there is none."""
    try:
        with open(path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW)) as file:
            return file.read(MOST)
    except FileNotFoundError:
        return b""
