"""From a keeper's fork to the worker: session, user, limits, descriptors, folder; then exec, or not."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import traceback

from labd.process import kernel, procs
from labd.workers import walls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

HIGH = 100  # descriptors from here on are in nobody's way
_RLIMITS = {
    "cpu_time": resource.RLIMIT_CPU,
    "files": resource.RLIMIT_NOFILE,
    "file_size": resource.RLIMIT_FSIZE,
}


def start(
    order: dict[str, Any],
    fds: list[int],
    private: int,
    body: Callable[[], None] | None,
    admit: Callable[[int], object],
) -> tuple[int, int]:
    """Fork the worker; its pid, and a pipe that holds the reason if it could not begin.

    It inherits *fds* as 1, 2 and so on, nothing for standard input, and never *private*. *admit* is called
    with the pid while it waits. Raises OSError when there can be no other process now.
    """
    reasons, tell = os.pipe()
    gate, opener = os.pipe()
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(private)
        os.close(reasons)
        os.close(opener)
        _become(order, fds, body, keeper, gate, tell)
    try:
        admit(pid)
    finally:
        for fd in (gate, opener, tell):
            os.close(fd)
    return pid, reasons


def _become(
    order: dict[str, Any],
    fds: list[int],
    body: Callable[[], None] | None,
    keeper: int,
    gate: int,
    tell: int,
) -> NoReturn:
    step = "cannot start"
    try:
        os.read(gate, 1)  # until the keeper closes its end, or dies
        os.close(gate)
        os.setsid()
        _reset_signals()
        os.umask(0o022)
        step = f"cannot become user {(order.get('user') or {}).get('uid')}"
        change_user(order.get("user"))
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != keeper:  # it died before we asked to be told
            os._exit(1)
        step = f"cannot open output {order.get('output')}"
        held = _outputs(order.get("output"), fds)
        tell = _arrange(held, tell)
        step = "cannot set limits"
        _limit(order)
        step = f"cannot enter {order['cwd']}"
        os.chdir(order["cwd"])
        step = "cannot set up its walls"
        walls.enter(order.get("walls"))
        step = f"cannot run {(order['argv'] or ['python'])[0]}"
        _go(order, body, tell)
    except OSError as error:
        where = f" {error.filename}" if error.filename and str(error.filename) not in step else ""
        os.write(tell, f"{step}{where}: {error.strerror}".encode()[:500])
    except BaseException as error:  # nothing may return into the keeper's loop from here
        os.write(tell, f"{step}: {error!r}".encode()[:500])
    finally:
        os._exit(1)


def _go(order: dict[str, Any], body: Callable[[], None] | None, tell: int) -> NoReturn:
    if body is None:
        os.execvpe(order["argv"][0], order["argv"], order["env"])
    os.close(tell)
    os.environ.clear()
    os.environ.update(order["env"])
    code = 1
    try:
        body()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _reset_signals() -> None:
    for signum in signal.valid_signals():
        if signum not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def change_user(user: dict[str, Any] | None) -> None:
    """Become *user*, for good; nobody else for None. Raises OSError."""
    if user is not None:
        os.setgroups(user["groups"])
        os.setgid(user["gid"])
        os.setuid(user["uid"])
        kernel.drop_capabilities()  # those that are inheritable outlive a change of user


def _limit(order: dict[str, Any]) -> None:
    if not order["limited"]:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, kind in _RLIMITS.items():
        if order.get(name):
            _lower(kind, order[name], name == "cpu_time")  # a second for SIGXCPU, which says why
    if order.get("tasks") and (uid := os.getuid()):  # the kernel does not count root
        _lower(resource.RLIMIT_NPROC, procs.tasks_of(uid) + order["tasks"])
    kernel.gain_no_privileges()


def _lower(kind: int, limit: int, more: int = 0) -> None:
    """The limit *kind*, as far as it may be; *more* is what the hard one has above it."""
    _, most = resource.getrlimit(kind)
    most = 2**63 - 1 if most == resource.RLIM_INFINITY else most
    resource.setrlimit(kind, (min(limit, most), min(limit + more, most)))


def _outputs(path: str | None, fds: list[int]) -> list[int]:
    """The descriptors that the worker gets from 1 on; its output file is opened with its own rights."""
    if not path:
        return fds
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY, 0o640)
    os.set_blocking(fd, True)
    for unused in fds[:2]:
        os.close(unused)
    return [fd, os.dup(fd), *fds[2:]]


def _arrange(held: list[int], tell: int) -> int:
    """Put *held* in their places; where *tell* is now."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH) for fd in [tell, *held]]
    for fd in (tell, *held):
        os.close(fd)
    null = os.open("/dev/null", os.O_RDONLY)
    for place, fd in enumerate([null, *high[1:]]):
        os.dup2(fd, place)
        if fd != place:
            os.close(fd)
    return high[0]
