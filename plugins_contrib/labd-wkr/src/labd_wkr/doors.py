"""The two ports on trio: PULL for requests, PUB for answers."""

import errno
import logging
import math
import socket
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

import trio

from labd_wkr.board import Board
from labd_wkr.front import Front
from labd_wkr.link import Link
from labd_wkr.settings import Door
from labd_wkr.zmtp import Event, Limits, Message, Session, Subscribed, ZmtpError

GREETING_TIME = 10.0
"""Seconds in which a peer says who it is."""

LOOK = 0.05
"""Seconds between two looks whether the model is loaded."""

PAUSE = 0.1
"""Seconds without accepting when the process has no descriptor left."""

SHORT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Doors:
    """The service of one model: listens, and hands what comes to *front*. *stop* ends labd."""

    def __init__(
        self, door: Door, board: Board, front: Front, stop: Callable[[], object], log: logging.Logger
    ) -> None:
        self._door, self._board, self._front, self._stop, self._log = door, board, front, stop, log
        self._trusted = [ip_network(network) for network in (*door.trust, "127.0.0.0/8")]
        self._count = 0

    async def run(self, *, task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then answers of what is in work still leave, for ``drain`` seconds."""
        with self._listen(self._door.port) as asking, self._listen(self._door.port_out) as answering:
            async with trio.open_nursery() as life:
                answers = await life.start(self._answer, answering)
                try:
                    async with trio.open_nursery() as requests:
                        requests.start_soon(self._accept, asking, b"PULL", self._asker)
                        requests.start_soon(self._retry)
                        requests.start_soon(self._leave)
                        task_status.started()
                finally:
                    await self._drain()
                    answers.cancel(reason="labd stops")

    async def _answer(
        self, listener: socket.socket, *, task_status: trio.TaskStatus[trio.CancelScope]
    ) -> None:
        """Subscribers outlive the request to stop, for as long as answers are on their way."""
        with trio.CancelScope(shield=True) as scope:
            task_status.started(scope)
            await self._accept(listener, b"PUB", self._subscriber)

    async def _retry(self) -> None:
        while True:
            await self._front.early.wait()
            await trio.sleep(LOOK)
            self._front.retry()

    async def _leave(self) -> None:
        """A client asked for the end: models answer what is in work while labd still runs."""
        await self._front.leaving.wait()
        await self._drain()
        self._stop()

    async def _drain(self) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self._door.drain):
            while self._front.waiting or self._board.sending:
                self._front.give_up()
                await trio.sleep(0.01)

    # -- letting in ------------------------------------------------------------------------------

    def _listen(self, port: int) -> socket.socket:
        host = "0.0.0.0" if self._door.trust else "127.0.0.1"
        listener = socket.create_server((host, port), backlog=1024)
        listener.setblocking(False)
        return listener

    async def _accept(self, listener: socket.socket, kind: bytes, serve: "Serve") -> None:
        async with trio.open_nursery() as clients:
            while True:
                await trio.lowlevel.wait_readable(listener)
                try:
                    sock, peer = listener.accept()
                except OSError as error:
                    await trio.sleep(PAUSE if error.errno in SHORT else 0)
                    continue
                sock.setblocking(False)
                clients.start_soon(self._client, sock, peer[0], kind, serve)

    async def _client(self, sock: socket.socket, peer: str, kind: bytes, serve: "Serve") -> None:
        link = Link(sock)
        self._count += 1
        try:
            if self._welcome(peer):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(link.run)
                    await self._converse(link, Session(kind, Limits(self._door.message)), serve(link))
                    nursery.cancel_scope.cancel(reason="the client left")
        except* ZmtpError as group:
            self._log.warning(
                "%s at the %s port of %s: %s", peer, kind.decode(), self._front.name, group.exceptions[0]
            )
        except* OSError:
            pass  # the client is gone; whoever asked hears nothing any more
        finally:
            self._count -= 1
            link.close()
            self._left(link)

    def _welcome(self, peer: str) -> bool:
        if not any(ip_address(peer) in network for network in self._trusted):
            self._log.warning("%s is no host that is trusted here: add it to `trust` if it is", peer)
            return False
        if self._count > self._door.connections:
            self._log.warning("%d clients are connected, which is the limit", self._door.connections)
            return False
        return True

    async def _converse(self, link: Link, session: Session, take: Callable[[Event], None]) -> None:
        link.send(session.take())
        with trio.CancelScope(deadline=trio.current_time() + GREETING_TIME) as scope:
            while data := await link.receive():
                for event in session.feed(data):
                    take(event)
                if session.outgoing:
                    link.send(session.take())
                if session.ready:
                    scope.deadline = math.inf
        if scope.cancelled_caught:
            raise ZmtpError(f"it did not say who it is within {GREETING_TIME:g} s")

    # -- what they say ---------------------------------------------------------------------------

    def _asker(self, link: Link) -> Callable[[Event], None]:
        def take(event: Event) -> None:
            if isinstance(event, Message):
                self._front.take(event.frames)

        return take

    def _subscriber(self, link: Link) -> Callable[[Event], None]:
        def take(event: Event) -> None:
            if isinstance(event, Subscribed) and event.on:
                self._board.listen(link, event.prefix, trio.current_time())
            elif isinstance(event, Subscribed) and self._board.leave(link, event.prefix):
                self._front.gone(event.prefix)

        return take

    def _left(self, link: Link) -> None:
        for identity in self._board.gone(link):
            self._front.gone(identity)


Serve = Callable[[Link], Callable[[Event], None]]
