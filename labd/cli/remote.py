"""The daemon of another machine: ``ssh HOST labctl --stdio`` is the connection.

One end of a socket pair is the child's stdin and stdout, so the client works as on a socket of this machine.
No port is opened and no password kept: who may do what is decided by ssh, and then by the daemon there.
"""

from __future__ import annotations

import os
import socket
import subprocess
from typing import Any

from labd.cli.far import Far
from labd.cli.remote_faults import explained, no_ssh, noisy
from labd.errors import ProtocolError, Unreachable
from labd.wire.blocking import Client

GOODBYE = 2.0
"""Seconds that ssh has to end by itself once nobody talks to it."""


class RemoteClient(Client):
    """A client whose connection is ssh to *far*. Raises Unreachable with what ssh or labctl there said."""

    def __init__(self, far: Far, timeout: float | None) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._said = os.memfd_create("labctl-ssh")
            self._child = _started(far, ours, theirs, self._said)
        try:
            super().__init__(far.host, timeout, sock=ours)
        except Unreachable:
            raise explained(far.host, self._ended(), self._heard()) from None
        except ProtocolError as error:
            self._ended()
            raise noisy(far.host, error) from None
        except BaseException:
            self._ended()
            raise
        finally:
            os.close(self._said)

    def close(self) -> None:
        """End the connection, and ssh with it."""
        super().close()
        self._ended()

    def _ended(self) -> int:
        """The exit code of ssh, which ends as its stdin does; one that hangs is killed."""
        try:
            return self._child.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    def _heard(self) -> str:
        """What ssh, or the program there, wrote to stderr."""
        return os.pread(self._said, 65_536, 0).decode(errors="replace")


def _started(far: Far, ours: socket.socket, theirs: socket.socket, said: int) -> subprocess.Popen[bytes]:
    """ssh, in the foreground: it may ask for a password on the terminal."""
    end = theirs.fileno()
    try:
        return subprocess.Popen(far.command("--stdio"), stdin=end, stdout=end, stderr=said)
    except OSError as error:
        ours.close()
        os.close(said)
        raise no_ssh(far.ssh[0], error) from None


def login(far: Far) -> dict[str, Any]:
    """``cwd`` and ``env`` of whoever logs in at *far*. Raises Unreachable."""
    import json

    try:
        done = subprocess.run(
            far.command("__login"), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise no_ssh(far.ssh[0], error) from None
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise explained(far.host, done.returncode, done.stderr.decode(errors="replace")) from None
    return found
