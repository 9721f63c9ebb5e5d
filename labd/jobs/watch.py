"""inotify under trio: a folder is watched, a plain function is called for what happens in it.

One watch of an attempt folder tells all that the daemon needs, for adopted attempts as well: the
``exit`` record arrives by rename (``MOVED_TO exit``), and the last close of the lock's descriptor, which
is the death of the shim, is ``CLOSE_WRITE lock``. Format: inotify(7).
"""

import ctypes
import errno
import os
import struct
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import trio

from labd.errors import Overloaded

MODIFY, CLOSE_WRITE, MOVED_TO, CREATE, DELETE = 0x2, 0x8, 0x80, 0x100, 0x200
OVERFLOW, IGNORED = 0x4000, 0x8000
_ADD = 0x20000000  # a second watch of one folder widens the mask instead of replacing it
_HEAD = struct.Struct("iIII")
_BUFFER = 65536
_libc = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """Something that happened: in which watch, what (a mask), and to which name in the folder."""

    wd: int
    mask: int
    name: str


Callback = Callable[[Event], None]


class Statistics(NamedTuple):
    """Folders watched, and since the start: events seen, times that the kernel's queue overflowed."""

    folders: int
    events: int
    overflows: int


def parse(data: bytes) -> tuple[list[Event], bytes]:
    """The whole events in *data*, and the bytes of the one that is not complete yet."""
    events, start = [], 0
    while len(data) >= start + _HEAD.size:
        wd, mask, _, length = _HEAD.unpack_from(data, start)
        end = start + _HEAD.size + length
        if len(data) < end:
            break
        events.append(Event(wd, mask, os.fsdecode(data[start + _HEAD.size : end].rstrip(b"\0"))))
        start = end
    return events, data[start:]


class Watch:
    """One interest in one folder; :meth:`close`, or the end of a ``with`` block, ends it."""

    def __init__(self, watcher: "Watcher", wd: int, mask: int, callback: Callback) -> None:
        self.wd, self.mask, self.callback = wd, mask, callback
        self.closed = False
        self._watcher = watcher

    def close(self) -> None:
        """No more calls; closing twice is allowed."""
        if not self.closed:
            self.closed = True
            self._watcher._drop(self)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Watcher:
    """Calls back for what happens in folders (or to files).

    They may be added before :meth:`run`; the calls come while it runs. Besides what it asked for, a
    callback hears ``OVERFLOW`` when events were lost, so that it must look for itself, and ``IGNORED``
    when its folder is gone; both with an empty name. *rescan* is called once for each overflow. What a
    callback raises comes out of :meth:`run`; the events after it are kept for the next run.
    """

    def __init__(self, rescan: Callable[[], None] = lambda: None) -> None:
        self._rescan = rescan
        self._fd = _check(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._watches: dict[int, list[Watch]] = {}
        self._pending: deque[Event] = deque()
        self._rest = b""
        self._events = self._overflows = 0

    def add(self, path: str, mask: int, callback: Callback) -> Watch:
        """Call *callback* for the events of *mask* in the folder *path*.

        Raises Overloaded when the kernel's limit on watches is reached, OSError otherwise.
        """
        wd = _check(_libc.inotify_add_watch(self._fd, os.fsencode(path), mask | _ADD), path)
        watch = Watch(self, wd, mask | IGNORED | OVERFLOW, callback)
        self._watches.setdefault(wd, []).append(watch)
        return watch

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        task_status.started()
        while True:
            while self._pending:
                self._dispatch(self._pending.popleft())
                await trio.lowlevel.checkpoint()
            await trio.lowlevel.wait_readable(self._fd)
            self._receive()

    def close(self) -> None:
        """Give the descriptor back; all watches end."""
        self._watches.clear()
        self._pending.clear()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def statistics(self) -> Statistics:
        return Statistics(len(self._watches), self._events, self._overflows)

    def _receive(self) -> None:
        try:
            data = os.read(self._fd, _BUFFER)
        except BlockingIOError:
            return
        events, self._rest = parse(self._rest + data)
        self._pending.extend(events)

    def _dispatch(self, event: Event) -> None:
        self._events += 1
        if event.mask & OVERFLOW:
            self._overflows += 1
            self._rescan()
            watches = [watch for each in self._watches.values() for watch in each]
        elif event.mask & IGNORED:
            watches = self._watches.pop(event.wd, [])
        else:
            watches = list(self._watches.get(event.wd, ()))
        for watch in watches:
            if event.mask & watch.mask and not watch.closed:  # a callback may have closed its neighbour
                watch.callback(event)

    def _drop(self, watch: Watch) -> None:
        watches = self._watches.get(watch.wd, [])
        if watch in watches:
            watches.remove(watch)
            if not watches:
                del self._watches[watch.wd]
                _libc.inotify_rm_watch(self._fd, watch.wd)  # it fails when the folder is gone: good


def _check(answer: int, path: str = "") -> int:
    if answer >= 0:
        return answer
    code = ctypes.get_errno()
    if code in (errno.ENOSPC, errno.EMFILE):
        hint = "raise fs.inotify.max_user_watches or max_user_instances (sysctl)"
        raise Overloaded(f"the kernel lets this user watch no more folders: {path}", hint=hint)
    raise OSError(code, os.strerror(code), path)
