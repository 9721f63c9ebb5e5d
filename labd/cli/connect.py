"""Reaching the daemon, and staying in touch while it restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labd.errors import DeadlineExceeded, Unreachable

if TYPE_CHECKING:
    from labd.cli.far import Far
    from labd.wire.blocking import Client

FIRST_DELAY, LAST_DELAY = 0.1, 2.0
"""Seconds between tries to reach a daemon that went away."""


PATIENCE = 60.0
"""Seconds after which a daemon that does not answer is taken for stuck."""

LOST = (Unreachable, ConnectionError)
"""What a call raises when the daemon is not there, or no longer."""


class Connect:
    """Calling it gives a new connected client: ``with connect() as client``."""

    def __init__(
        self, socket: str | None = None, timeout: float | None = None, far: Far | None = None
    ) -> None:
        self.socket = socket
        self.timeout = timeout
        self.far = far
        """The machine whose daemon is asked; None for this one."""

    def __call__(self, usual: float | None = PATIENCE) -> Client:
        """Raises Unreachable when nothing answers. *usual* is the timeout where the caller gave none."""
        timeout = usual if self.timeout is None else self.timeout
        if self.far is not None:
            from labd.cli.remote import RemoteClient

            return RemoteClient(self.far, timeout)
        from labd.paths import client_socket
        from labd.wire.blocking import Client

        return Client(client_socket(self.socket), timeout)

    def silent(self) -> Connect:
        """The same, that asks nobody for a password."""
        return Connect(self.socket, self.timeout, self.far.silent() if self.far else None)


class Steady:
    """Calls that outlive the daemon: after a loss it connects again and asks once more.

    Only for what may be asked twice. The first connection must succeed at once; after a loss it tries
    until *deadline* (on ``time.monotonic``; None is for ever).
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        say: Callable[[str], None],
        *,
        deadline: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connect, self._say, self._sleep = connect, say, sleep
        self.deadline = deadline
        self._client: Client | None = connect()
        self.losses = 0

    def __enter__(self) -> Steady:
        return self

    def __exit__(self, *exc: object) -> None:
        self.drop()

    @property
    def client(self) -> Client:
        """The present connection, made anew after a loss."""
        if self._client is None:
            self._client = self._again()
        return self._client

    def call(self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None) -> Any:
        """What ``Client.call`` returns and raises, but for Unreachable."""
        while True:
            try:
                return self.client.call(method, params, timeout)
            except LOST as error:
                self.lost(error)

    def lost(self, error: Exception) -> None:
        """Note that the connection broke; the next use makes another."""
        self.drop()
        self.losses += 1
        self._say("labd went away; waiting for it to come back (jobs go on without it)")
        self._wait(FIRST_DELAY, error)

    def drop(self) -> None:
        if self._client is not None:
            self._client.__exit__(None, None, None)
            self._client = None

    def _again(self) -> Client:
        delay = FIRST_DELAY
        while True:
            try:
                client = self._connect()
            except LOST as error:
                self._wait(delay, error)
                delay = min(delay * 2, LAST_DELAY)
            else:
                self._say("labd is back")
                return client

    def _wait(self, delay: float, error: Exception) -> None:
        if self.deadline is None:
            self._sleep(delay)
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                "labd did not come back in time", hint="`labctl status` tries again"
            ) from error
        self._sleep(min(delay, left))
