"""Talks to systemd: readiness, status, reloading, and a watchdog that only a healthy daemon feeds.

The protocol is https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
"""

import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

import trio

log = logging.getLogger("labd.systemd")

PATIENCE = 0.5
"""Seconds that one message may wait for a busy manager."""


class Notifier:
    """Sends state to the service manager at *address*; without one, every method does nothing.

    *address* is a path, or ``@name`` for an abstract socket. Nothing here raises: a manager that has
    gone away is no reason to stop.
    """

    def __init__(self, address: str = "", *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._monotonic = monotonic

    def ready(self, status: str = "") -> None:
        """Say that the daemon takes requests (also after :meth:`reloading`)."""
        self.send(READY=1, **_status(status))

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self.send(**_status(text))

    def reloading(self) -> None:
        """Say that the configuration is being read again; :meth:`ready` ends it."""
        self.send(RELOADING=1, MONOTONIC_USEC=int(self._monotonic() * 1e6))

    def stopping(self, status: str = "") -> None:
        """Say that the daemon has begun to stop."""
        self.send(STOPPING=1, **_status(status))

    def extend_timeout(self, seconds: float) -> None:
        """Ask for *seconds* more, from now, for starting or stopping."""
        self.send(EXTEND_TIMEOUT_USEC=int(seconds * 1e6))

    def alive(self) -> None:
        """Feed the watchdog."""
        self.send(WATCHDOG=1)

    def send(self, **fields: str | int) -> bool:
        """Send *fields* as one message; False when it did not arrive or nobody wants it."""
        if not self._address:
            return False
        message = "\n".join(f"{name}={value}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(PATIENCE)
                sender.sendto(message.encode("utf-8", "replace"), self._address)
        except OSError as error:
            log.warning("cannot tell systemd %s: %s", " ".join(fields), error)
            return False
        return True


class WatchdogStatistics(NamedTuple):
    """How often systemd was told that labd is well, and how often that could not be said."""

    proofs: int
    failures: int


class Watchdog:
    """A service that feeds the watchdog of *interval* seconds, each time after a proof of health.

    ``await prove()`` returns when the daemon is well and raises when it is not; taking longer than a
    quarter of *interval* counts as not. An *interval* of 0 means that nobody is watching.
    """

    def __init__(self, notifier: Notifier, interval: float, prove: Callable[[], Awaitable[object]]) -> None:
        self._notifier = notifier
        self._interval = interval
        self._prove = prove
        self._proofs = 0
        self._failures = 0

    async def run(self, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
        """Feed twice per interval, until cancelled."""
        task_status.started()
        while self._interval > 0:
            due = trio.current_time() + self._interval / 2
            if await self._is_well():
                self._notifier.alive()
            await trio.sleep_until(due)

    def statistics(self) -> WatchdogStatistics:
        """The proofs so far."""
        return WatchdogStatistics(self._proofs, self._failures)

    async def _is_well(self) -> bool:
        with trio.move_on_after(self._interval / 4) as scope:
            try:
                await self._prove()
            except Exception as error:
                log.warning("the daemon is not well: %s; systemd is not told otherwise", error)
            else:
                self._proofs += 1
                return True
        if scope.cancelled_caught:
            log.warning("no proof of health within %g s; systemd is not told otherwise", self._interval / 4)
        self._failures += 1
        return False


def take_notifier(env: MutableMapping[str, str] = os.environ) -> Notifier:
    """The notifier for this process. Its address leaves *env*, so that no child speaks for the daemon."""
    return Notifier(env.pop("NOTIFY_SOCKET", ""))


def take_watchdog_interval(env: MutableMapping[str, str] = os.environ, pid: int | None = None) -> float:
    """Seconds within which systemd wants to hear from process *pid* (this one); 0 for never.

    ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` leave *env*.
    """
    microseconds = env.pop("WATCHDOG_USEC", "")
    meant = env.pop("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or (meant and meant != str(os.getpid() if pid is None else pid)):
        return 0.0
    return int(microseconds) / 1e6


def _status(text: str) -> Mapping[str, str]:
    return {"STATUS": " ".join(text.split())} if text else {}
