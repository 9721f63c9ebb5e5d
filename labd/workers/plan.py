"""From a spec to what a keeper is ordered. Wrong specs are refused here."""

import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from labd.api.workers import WorkerSpec
from labd.errors import Refused, UsageError
from labd.workers.sandbox import ISOLATED, Walls

PATH = "/usr/local/bin:/usr/bin:/bin"
NO_WALLS = Walls()
TASKS_EACH = 1000
"""Threads that the kernel lets a worker have for each process that it may have: more than any library starts.

Nothing in the kernel counts processes without their threads. So the keeper counts them, five times a second,
and this is what they cannot get past in between.
"""

_LIMITS = ("cpu_time", "files", "file_size", "processes")


def check(spec: WorkerSpec) -> None:
    """Raises UsageError for what is wrong in *spec* wherever it is to run."""
    fields = {key: value for key, value in msgspec.structs.asdict(spec).items() if key != "arguments"}
    try:
        msgspec.convert(fields, WorkerSpec)
    except msgspec.ValidationError as error:
        raise UsageError(f"worker {spec.target}: {error}") from None
    for name in ("path", "read", "write"):
        for path in getattr(spec, name):
            _absolute(spec, name, path)
    _absolute(spec, "cwd", spec.cwd)
    _absolute(spec, "output", spec.output or "/")
    if spec.sandbox == "none" and (asked := [name for name in _LIMITS if getattr(spec, name)]):
        raise UsageError(
            f"worker {spec.target}: {asked[0]} is a limit, and sandbox 'none' has none",
            hint="take sandbox 'limits' or more",
        )


def _absolute(spec: WorkerSpec, name: str, path: str) -> None:
    if not os.path.isabs(path) or "\0" in path:
        raise UsageError(f"worker {spec.target}: {name} {path!r} is not an absolute path")


def order(
    spec: WorkerSpec,
    name: str,
    argv: Sequence[str],
    gpus: Sequence[int],
    cgroup: str,
    walls: Walls = NO_WALLS,
    *,
    inner: bool,
) -> dict[str, Any]:
    """What a keeper does for *spec*. *inner*: it is forked in a template, whose user and walls it shares."""
    walled = bool(walls.words)
    isolated = spec.sandbox in ISOLATED
    limited = spec.sandbox != "none"
    return {
        "name": name,
        "argv": [*walls.words, *argv],
        "walls": walls.order,
        "env": environment(spec, name, gpus, walls.scratch),
        "cwd": "/" if walled else spec.cwd,
        "user": None if inner else user(spec),
        "limited": limited,
        "memory": spec.memory if limited else 0,
        "cgroup": "" if inner and isolated else cgroup,
        "tasks": spec.processes * TASKS_EACH if limited else 0,
        "output": spec.output,
        **{key: getattr(spec, key) for key in _LIMITS},
    }


def template_order(
    spec: WorkerSpec, name: str, argv: Sequence[str], walls: Walls = NO_WALLS
) -> dict[str, Any]:
    """The same for the template of *spec*: its walls, and no limits but those of its workers."""
    return (
        order(spec, name, argv, (), "", walls, inner=False)
        | dict.fromkeys([*_LIMITS, "memory", "tasks"], 0)
        | {"output": ""}
    )


def environment(spec: WorkerSpec, name: str, gpus: Sequence[int], scratch: str = "") -> dict[str, str]:
    """All that the worker has in its environment; nothing of the daemon's. *scratch*: a folder of its own."""
    home = scratch or ("/tmp" if spec.sandbox in ISOLATED else _home(spec.user))
    return {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": home,
        **({"TMPDIR": scratch} if scratch else {}),
        "LABD_WORKER": name,
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
        **spec.env,
    }


def user(spec: WorkerSpec) -> Mapping[str, Any] | None:
    """Whom to become; None for nobody else. Raises UsageError, Refused.

    Nothing keeps a process of root from any file of the machine but the walls of a sandbox: without them
    a labd of root runs other people's code as root only when the spec says so.
    """
    if not spec.user:
        if os.getuid() == 0 and spec.sandbox not in ISOLATED:
            raise Refused(
                f"worker {spec.target}: sandbox {spec.sandbox!r} lets it do anything, as labd is root here",
                hint="name a `user`, or take sandbox 'isolated'",
            )
        return None
    try:
        found = pwd.getpwnam(spec.user)
    except KeyError:
        raise UsageError(f"worker {spec.target}: there is no user {spec.user!r}") from None
    if found.pw_uid == os.getuid():
        return None
    if os.getuid() != 0:
        raise Refused(f"worker {spec.target}: only a labd of root can run it as {spec.user}")
    groups = os.getgrouplist(found.pw_name, found.pw_gid)
    return {"uid": found.pw_uid, "gid": found.pw_gid, "groups": groups}


def _home(name: str) -> str:
    try:
        return (pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())).pw_dir
    except KeyError:
        return "/"
