"""Owns one worker: starts it in its bounds, ends all that descends from it, says how it ended.

Its control socket takes one packet, whatever it holds: end the worker. So does the end of the daemon. What
it sends are JSON maps: ``{"pid"}`` once the worker began, at last ``{"reason", ...}``.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import time

from labd.process import kernel, procs
from labd.process.bounds import Bounds
from labd.workers import become, walls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOOK = 0.2
"""Seconds between two counts of processes."""


def keep(order: dict[str, Any], control: int, fds: list[int], body: Callable[[], None] | None) -> None:
    """Be the keeper of what *order* describes, until it is over. *fds* become the worker's, from 1 on.

    *body* is what the worker does after the fork; None to run ``order["argv"]``.
    """
    kernel.set_name(b"labd-keeper")
    kernel.become_subreaper()
    os.setsid()
    tell = socket.socket(fileno=control)
    bounds = Bounds(order, f"worker-{order['name']}")
    began = time.monotonic()
    pid, reasons = become.start(order, fds, control, body, bounds.admit)
    for fd in fds:
        os.close(fd)
    _say(tell, {"pid": pid})
    reason = _watch(pid, tell, order, bounds)
    status = end_all(pid, bounds)
    bounds.settle(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
    _clear(order)
    fault = os.read(reasons, 500).decode(errors="replace")
    _say(tell, _ending(fault or reason, status, bounds) | {"seconds": time.monotonic() - began})


def _clear(order: dict[str, Any]) -> None:
    """Remove the folder that the worker had for itself, with the rights of whom it ran as."""
    scratch = (order.get("walls") or {}).get("scratch")
    if not scratch:
        return
    pid = os.fork()
    if pid == 0:
        try:
            become.change_user(order.get("user"))
            walls.clear(scratch)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _say(tell: socket.socket, words: dict[str, Any]) -> None:
    try:
        tell.send(json.dumps(words).encode())
    except OSError:
        pass  # the daemon has gone; so will the worker


def _watch(pid: int, tell: socket.socket, order: dict[str, Any], bounds: Bounds) -> str:
    """Wait for the end of *pid*, for the word to end it, or for a limit; which of them it was."""
    poll = select.poll()
    pidfd = os.pidfd_open(pid)
    for fd in (pidfd, tell.fileno()):
        poll.register(fd, select.POLLIN)
    most = int(order.get("processes") or 0)
    while True:
        wait = bounds.wait(time.monotonic())
        pauses = [each for each in (wait, LOOK if most else None) if each is not None]
        ready = {fd for fd, _ in poll.poll(min(pauses) * 1000 if pauses else None)}
        if pidfd in ready:
            return "exited"
        if tell.fileno() in ready:
            return "told"
        if bounds.exceeded(time.monotonic()):
            return "out_of_memory"
        if most and len(procs.below(os.getpid())) > most:
            return "processes"


def end_all(pid: int, bounds: Bounds) -> int | None:
    """SIGKILL to all below us, again and again until nobody is left; the wait status of *pid*."""
    status = None
    while True:
        bounds.kill()
        procs.signal_tree(os.getpid(), signal.SIGKILL)
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                status = found[1] if found[0] == pid else status
        except ChildProcessError:
            return status
        time.sleep(0.001)


def _ending(reason: str, status: int | None, bounds: Bounds) -> dict[str, Any]:
    code = None if status is None else os.waitstatus_to_exitcode(status)
    signum = -code if code is not None and code < 0 else None
    reason = bounds.reason(reason, signum)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "reason": reason,
        "why": bounds.explain(reason),
        "exit_code": code if signum is None else None,
        "signal": signum,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory": bounds.peak,
    }
