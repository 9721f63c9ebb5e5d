"""The client for programs without an event loop: labctl and scripts. Standard library and msgpack only."""

import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from labd.errors import LabdError
from labd.wire.exchange import Exchange, ExchangeStatistics, Then
from labd.wire.faults import again, closed, late, left, unreachable
from labd.wire.messages import Notice
from labd.wire.session import CHUNK
from labd.wire.subscription import WINDOW, Subscription

POLITENESS = 1.0
"""Seconds spent on telling the daemon that an answer is no longer wanted."""


class Client:
    """A connection to the daemon at the socket *path*; every wait ends after *timeout* seconds.

    Made, it has said hello: :attr:`hello` is the daemon's answer. A connected *sock* may be given instead
    of opening *path*, which then only names the daemon. Not to be shared by threads.
    Raises :class:`Unreachable`, :class:`DeadlineExceeded`, :class:`ProtocolError`.
    """

    def __init__(
        self,
        path: str,
        timeout: float | None = None,
        *,
        name: str = "labctl",
        sock: socket.socket | None = None,
    ) -> None:
        self._timeout = timeout
        self._sock = sock or connected(path, timeout)
        self._exchange = Exchange(path)
        try:
            greet: _Ask = partial(self._exchange.hello, name)
            self.hello: dict[str, Any] = self._wait("hello", greet, timeout)
        except BaseException:
            self._sock.close()
            raise

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the daemon stops what it still does for it."""
        self._exchange.fail(left(self._exchange.where))
        self._sock.close()

    @property
    def notices(self) -> deque[Notice]:
        """Notices other than events that came so far, the newest 1000."""
        return self._exchange.notices

    def call(self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None) -> Any:
        """The result of *method*; raises the class of :mod:`labd.errors` that the daemon's error names."""
        limit = self._timeout if timeout is None else timeout
        return self._wait(method, lambda then: self._exchange.call(method, params, then), limit)

    def follow(self, method: str, params: dict[str, Any] | None = None) -> Iterator[Notice]:
        """The notices that come before the answer of *method*, as they come; raises its error.

        The client's timeout does not apply. Whoever leaves early tells the daemon to stop.
        """
        outcome: list[LabdError | None] = []
        number, data = self._exchange.call(method, params, lambda error, result: outcome.append(error))
        self.notices.clear()
        try:
            self._send(data, None)
            while not outcome or self.notices:
                if not self.notices:
                    self._receive(None)
                while self.notices:
                    yield self.notices.popleft()
        finally:
            if not outcome:
                self._try_send(self._exchange.give_up(number))
        if outcome[0] is not None:
            raise outcome[0]

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notice, which has no answer."""
        self._try_send(self._exchange.notice(method, params), self._timeout)

    def events(
        self,
        topics: Sequence[str],
        since: int | None = None,
        epoch: str | None = None,
        *,
        window: int = WINDOW,
    ) -> Iterator[dict[str, Any]]:
        """Events from now on, or after *since* of *epoch*, without end; see :mod:`labd.wire.subscription`.

        Subscribed on return. Closing the iterator unsubscribes. The client's timeout does not apply to
        waiting for an event.
        """
        feed = Subscription(topics, window, since=since, epoch=epoch)
        self._wait("subscribe", lambda then: self._exchange.subscribe(feed, _nobody, then), self._timeout)
        return self._follow(feed)

    def statistics(self) -> ExchangeStatistics:
        """Calls, late replies, subscriptions of this connection."""
        return self._exchange.statistics()

    def _follow(self, feed: Subscription) -> Iterator[dict[str, Any]]:
        try:
            while True:
                self._receive_until(lambda: bool(feed.ready), None)
                event = feed.take()
                self._try_send(self._exchange.credit(feed), self._timeout)
                yield event
        finally:
            self._try_send(self._exchange.unsubscribe(feed))

    def _wait(self, method: str, ask: "_Ask", timeout: float | None) -> Any:
        outcome: list[tuple[LabdError | None, Any]] = []
        deadline = _deadline(timeout)
        number, data = ask(lambda error, result: outcome.append((error, result)))
        try:
            self._send(data, deadline)
            while not outcome:
                self._receive(deadline)
        except TimeoutError:
            self._try_send(self._exchange.give_up(number))
            raise late(self._exchange.where, method, timeout) from None
        error, result = outcome[0]
        if error is not None:
            raise error
        return result

    def _try_send(self, data: bytes, timeout: float | None = POLITENESS) -> None:
        try:
            self._send(data, _deadline(timeout))
        except TimeoutError:
            pass  # the exchange has failed by now: the next use of it says so

    def _receive_until(self, condition: Callable[[], bool], deadline: float | None) -> None:
        while not condition():
            if self._exchange.failed is not None:
                raise again(self._exchange.failed)
            self._receive(deadline)

    def _receive(self, deadline: float | None) -> None:
        self._sock.settimeout(_left(deadline))
        try:
            data = self._sock.recv(CHUNK)
        except TimeoutError:
            raise
        except OSError:
            data = b""  # reset by the daemon: closed, as far as we are concerned
        self._try_send(self._exchange.feed(data), self._timeout)

    def _send(self, data: bytes, deadline: float | None) -> None:
        if not data:
            return
        self._sock.settimeout(_left(deadline))
        try:
            self._sock.sendall(data)
        except TimeoutError:  # half a message may be out: nothing can follow it
            self._exchange.fail(closed(self._exchange.where))
            self._sock.close()
            raise
        except OSError:
            pass  # the daemon has hung up; the next read tells why, if it said so


_Ask = Callable[[Then], tuple[int, bytes]]


def _nobody() -> None:
    """Wakes nobody: this client looks for itself after each read."""


def connected(path: str, timeout: float | None) -> socket.socket:
    """The socket at *path*, opened within *timeout* seconds. Raises Unreachable, DeadlineExceeded."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if timeout is not None:  # a blocking connect with a limit: Linux lets it wait in a full backlog
            limit = struct.pack("ll", int(timeout), int(timeout % 1 * 1e6))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.connect(path)
    except BlockingIOError:
        sock.close()
        raise late(path, "the connection", timeout) from None
    except OSError as error:
        sock.close()
        raise unreachable(path, error) from None
    return sock


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
