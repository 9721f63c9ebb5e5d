"""Runs the task in a folder under a shim of its own, on whatever machine sees that folder.

What an engine starts: ``main(folder)``. It returns when the task has ended; when it is killed, the shim goes
on, and whoever starts it again is told so. SIGTERM and SIGINT cancel the task. Standard library only.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import sys

from labd.jobs.shim import marks, outset, shim
from labd.process import claim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DONE, BUSY, LOST, NEVER = 0, 75, 70, 69
"""Exit codes: ``exit`` is there; another one runs it; begun, and gone without a word; it was not to begin."""

PASSED = (
    "SLURM_", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL",
    "ZE_AFFINITY_MASK",
)  # fmt: skip
"""Beginnings of the names of variables that a task gets from whoever started it, and not from labd."""

_CODES = {claim.ENDED: DONE, claim.RUNNING: BUSY, claim.LOST: LOST, claim.NEVER: NEVER}
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(folder: str) -> int:
    """Run the task of *folder* if nobody has begun it; an exit code. Raises OSError."""
    held = claim.take(folder)
    if held is None:
        return BUSY
    if (found := claim.standing_of_idle(folder)) != claim.WAITING:
        return _CODES[found]
    try:
        prepare(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        refuse(folder, f"the task cannot begin here: {error!r}")
        return DONE
    ctl = _open_ctl(folder)
    shim_pid = _fork(folder, held, ctl)
    os.close(held)  # from here on it is the shim's alone
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: os.write(ctl, b"cancel 10\n"))
    os.waitpid(shim_pid, 0)
    return _CODES[claim.standing(folder)]


def prepare(folder: str) -> None:
    """Make the order of a shim of the task: what depends on this machine is filled in."""
    with open(os.path.join(folder, claim.TASK), "rb") as file:
        task: dict[str, Any] = json.loads(file.read())
    order = {key: value for key, value in task.items() if key != "input"}
    places = {"{python}": task.get("python") or sys.executable, "{labd}": _ROOT, "{folder}": folder}
    order["env"] = dict(task["env"]) | _passed_on()
    order["argv"] = [_filled(word, places) for word in task["argv"]]
    owner = _user(str(task.get("user") or ""))
    if owner is not None:
        order["user"] = {"uid": owner.pw_uid, "gid": owner.pw_gid,
                         "groups": os.getgrouplist(owner.pw_name, owner.pw_gid)}  # fmt: skip
    else:
        order.pop("user", None)
    _give(folder, str(task.get("input", "")).encode(), owner)
    claim.put(folder, marks.ORDER, json.dumps(order).encode())


def _passed_on() -> dict[str, str]:
    """What an engine says to its tasks: above all which GPUs they have."""
    return {name: value for name, value in os.environ.items() if name.startswith(PASSED)}


def refuse(folder: str, message: str) -> None:
    """Leave the exit record of a task that could not begin. Raises OSError."""
    record = {"version": marks.VERSION, "exit_code": 126, "signal": None, "reason": "exec_failed",
              "message": marks.shorten(message)}  # fmt: skip
    claim.put(folder, claim.EXIT, json.dumps(record).encode())


def _filled(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def _user(name: str) -> pwd.struct_passwd | None:
    """Whom the task becomes; None for whoever we are. Raises ValueError for whom we cannot become."""
    if not name or name == pwd.getpwuid(os.geteuid()).pw_name:
        return None
    if os.geteuid():
        raise ValueError(f"the task is of user {name}, and runs here as uid {os.geteuid()}")
    return pwd.getpwnam(name)


def _give(folder: str, data: bytes, owner: pwd.struct_passwd | None) -> None:
    """What the task reads, and what it writes; the folder itself is not its own."""
    claim.put(folder, claim.INPUT, data)
    claim.put(folder, claim.OUTPUT, b"")
    if owner is not None:
        _refuse_closed(folder, owner.pw_name)
        os.chmod(folder, 0o711)
        for name in (claim.INPUT, claim.OUTPUT):
            os.chown(os.path.join(folder, name), owner.pw_uid, owner.pw_gid)


def _refuse_closed(folder: str, user: str) -> None:
    """Raises ValueError where a folder above lets nobody but its owner in."""
    above = os.path.dirname(os.path.abspath(folder))
    while above != "/":
        if not os.stat(above).st_mode & 0o001:
            raise ValueError(f"{user} cannot reach the task: {above} is closed to others")
        above = os.path.dirname(above)


def _open_ctl(folder: str) -> int:
    path = os.path.join(folder, marks.CTL)
    if not os.path.exists(path):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def _fork(folder: str, held: int, ctl: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.set_inheritable(held, False)
        outset.turn_deaf()
        shim.settle_in()
        shim.run(folder, ctl)
    finally:
        os._exit(0)
