"""The small process that keepers are forked from; with modules imported, the template of warm workers.

A request is one packet with descriptors: the order (JSON in a memfd), the control socket of the keeper, and
what the worker gets from descriptor 1 on. There is no answer: the keeper speaks for itself, and when
there is none its control socket ends. Ends with its own socket.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback

from labd.process import kernel, procs
from labd.workers import keeper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

DEAF = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
MOST = 8  # descriptors of a request
READY = b"ready"


def template() -> NoReturn:
    """Import the modules that the command line names, then serve descriptor 3. Says when it is ready."""
    sys.path[:0] = json.loads(sys.argv[1])
    from labd.workers import child

    for name in sys.argv[3:]:
        importlib.import_module(name)
    if (threads := sys.modules.get("threading")) and threads.active_count() > 1:
        sys.exit("the modules to be warm started threads, which do not live on in a fork")
    serve(3, lambda: _worker(int(sys.argv[2]), child.run))


def _worker(max_message: int, run: Callable[[int], None]) -> None:
    """What no two workers may share is made anew."""
    if random := sys.modules.get("numpy.random"):
        random.seed()
    run(max_message)


def serve(fd: int, body: Callable[[], None] | None = None) -> NoReturn:
    """Fork a keeper for each request, until the other end closes. *body*: what workers do without an exec."""
    kernel.set_name(b"labd-template" if body else b"labd-forker")
    kernel.become_subreaper()  # what a killed keeper leaves comes to us
    for signum in DEAF:
        signal.signal(signum, signal.SIG_IGN)
    wake, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    sys.stdout.flush()  # what is not out yet would come once from each worker
    gc.collect()
    gc.freeze()  # what a worker never touches stays shared
    connection = socket.socket(fileno=fd)
    if body is not None:
        connection.send(READY)
    _loop(connection, wake, body)
    os._exit(0)


def _loop(connection: socket.socket, wake: int, body: Callable[[], None] | None) -> None:
    keepers: set[int] = set()
    poll = select.poll()
    for fd in (connection.fileno(), wake):
        poll.register(fd, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if wake in ready:
            os.read(wake, 1024)
            _reap(keepers)
        if connection.fileno() in ready:
            fds = _request(connection)
            if fds is None:
                return
            keepers.add(_fork(fds, (connection.fileno(), wake), body))


def _reap(keepers: set[int]) -> None:
    """Take the ended; whoever else is our child has lost its keeper and is ended."""
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            keepers.discard(pid)
    except ChildProcessError:
        return
    for pid, parent in procs.below(os.getpid()):
        if parent == os.getpid() and pid not in keepers:
            os.kill(pid, signal.SIGKILL)  # our own child: nobody else can have its pid before we take it


def _request(connection: socket.socket) -> list[int] | None:
    space = socket.CMSG_SPACE(MOST * array.array("i").itemsize)
    packet, extra, _, _ = connection.recvmsg(64, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for _, _, data in extra:
        fds.frombytes(data)
    return list(fds) if packet else None


def _fork(fds: list[int], own: tuple[int, ...], body: Callable[[], None] | None) -> int:
    pid = os.fork()
    if pid:
        for fd in fds:
            os.close(fd)
        return pid
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in own:
            os.close(fd)
        keeper.keep(_order(fds[0]), fds[1], fds[2:], body)
    except BaseException:
        traceback.print_exc()  # to the daemon's own standard error
    finally:
        os._exit(0)


def _order(fd: int) -> dict[str, Any]:
    with open(fd, "rb") as file:
        file.seek(0)
        found: dict[str, Any] = json.load(file)
    return found
