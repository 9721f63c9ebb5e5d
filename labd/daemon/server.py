"""The control socket: accepts clients, asks the kernel who they are, serves each by itself."""

import errno
import fcntl
import logging
import os
import socket
import stat
from collections import Counter
from collections.abc import Callable

import trio

from labd.api.methods import Peer, Role
from labd.daemon.connection import Connection, farewell
from labd.errors import AlreadyRunning, LabdError, NotPermitted, Overloaded, StateError

log = logging.getLogger("labd.rpc")

BACKLOG = 1024
ACCEPT_PAUSE = 0.1
"""Seconds without accepting when the process has no file descriptor left."""


def bind(path: str, shared: bool) -> socket.socket:
    """Listen at *path*. *shared* lets the group of the process in (0660 in a folder of 0750): a daemon of
    root, or one in a folder that systemd made for it. Any other is for its own user alone (0600 in 0700):
    its jobs run as that user, so whoever may submit one is that user.

    Raises AlreadyRunning when another daemon listens there, StateError when no socket can be made there.
    """
    try:
        return _bound(path, shared)
    except OSError as error:
        raise StateError(
            f"no socket can be made at {path}: {error.strerror or error}",
            hint="daemon.runtime_dir or daemon.socket sets another place",
        ) from error


def _bound(path: str, shared: bool) -> socket.socket:
    _make_folder(os.path.dirname(path), 0o750 if shared else 0o700)
    _hold(path + ".lock")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    before = os.umask(0o117 if shared else 0o177)
    try:
        _unlink(path)
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    sock.listen(BACKLOG)
    return sock


def _make_folder(folder: str, mode: int) -> None:
    os.makedirs(folder, mode=mode, exist_ok=True)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (0, os.getuid()):
        raise StateError(
            f"the runtime folder {folder} belongs to user {found.st_uid}, not to us",
            hint="daemon.runtime_dir sets another, or set XDG_RUNTIME_DIR",
        )


def _hold(path: str) -> None:
    """Take the lock beside the socket, for the life of this process: the descriptor stays open."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise AlreadyRunning(
            f"another labd listens at {path.removesuffix('.lock')}",
            hint="daemon.runtime_dir sets another place",
        ) from None


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass  # the usual case: nothing was left over


class Server:
    """The service that owns the listening sockets."""

    def __init__(
        self,
        sockets: list[socket.socket],
        identify: Callable[[trio.socket.SocketType], Peer],
        connect: Callable[[trio.abc.Stream, Peer], Connection],
        max_connections: int = 512,
    ) -> None:
        self._sockets = sockets
        self._identify = identify
        self._connect = connect
        self.max_connections = max_connections
        self._of_user: Counter[int] = Counter()
        self.connections = 0
        self.served = 0
        self.refused = 0

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen and serve until cancelled; ready when clients can connect."""
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(s)) for s in self._sockets]
        try:
            async with trio.open_nursery() as nursery:
                for listener in listeners:
                    nursery.start_soon(self._accept_all, listener, nursery)
                task_status.started()
        finally:
            for listener in listeners:
                listener.socket.close()

    async def _accept_all(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.warning("no client can be accepted for now: %s", error)
                await trio.sleep(ACCEPT_PAUSE)
            else:
                nursery.start_soon(self._serve, stream, name="client")

    async def _serve(self, stream: trio.SocketStream) -> None:
        """One client, behind a boundary: whatever goes wrong stays here."""
        self.connections += 1
        self.served += 1
        try:
            await self._admitted(stream, self._identify(stream.socket))
        except LabdError as error:
            self.refused += 1
            await _turn_away(stream, error)
        except Exception:
            log.exception("a connection failed")
            await trio.aclose_forcefully(stream)
        finally:
            self.connections -= 1

    async def _admitted(self, stream: trio.SocketStream, peer: Peer) -> None:
        self._of_user[peer.uid] += 1
        try:
            self._admit(peer)
            await self._connect(stream, peer).run()
        finally:
            self._of_user[peer.uid] -= 1

    def _admit(self, peer: Peer) -> None:
        """Admins always get in; nobody else may take more than half of the places."""
        if peer.role < Role.ADMIN:
            for count, limit, whose in (
                (self.connections, self.max_connections, "clients"),
                (self._of_user[peer.uid], max(self.max_connections // 2, 1), f"clients of {peer.name}"),
            ):
                if count > limit:
                    raise Overloaded(
                        f"{limit} {whose} are connected, the limit", hint="wire.max_connections raises it"
                    )
        if peer.role == Role.NONE:
            raise NotPermitted(
                f"{peer.name} has no role here", hint="an admin adds you to [access] in labd.toml"
            )


async def _turn_away(stream: trio.SocketStream, error: LabdError) -> None:
    """Say why (as the reply to no request, number 0) and hang up."""
    await farewell(stream, error)
    await trio.aclose_forcefully(stream)
