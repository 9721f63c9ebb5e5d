"""One daemon for one state directory: a lock that dies with its holder."""

import fcntl
import os

from labd.errors import AlreadyRunning, StateError

FILE = "daemon.lock"

MODE_OF_ROOT = 0o711
"""Jobs of other users must be able to reach their own folders; nobody can list anything."""


def hold(state_dir: str) -> int:
    """Take the lock of *state_dir* for the life of this process; returns the descriptor that holds it.

    Raises AlreadyRunning that names the holder, StateError when the directory cannot be used.
    """
    try:
        os.makedirs(state_dir, mode=MODE_OF_ROOT if os.getuid() == 0 else 0o700, exist_ok=True)
        fd = os.open(os.path.join(state_dir, FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(
            f"the state directory {state_dir} cannot be used: {error.strerror}",
            hint="daemon.state_dir sets another",
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(fd, 20).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise AlreadyRunning(
            f"process {holder} is a labd on {state_dir}",
            hint="labctl status talks to it; one daemon per state directory",
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
