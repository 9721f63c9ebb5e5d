"""``/events``: the log as server-sent events, which browsers and curl take up again by themselves."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import trio

from labd.api.http import Response
from labd.api.node import Event
from labd.daemon.events import Bus, Listener, as_map
from labd.errors import UsageError

BATCH = 256
QUIET = 15.0
"""Seconds after which a client that nothing happens to is told that it is still connected."""


class Events:
    """The page. *epoch* is the name of this life of the log."""

    def __init__(self, bus: Bus, epoch: str) -> None:
        self._bus, self._epoch = bus, epoch

    async def answer(self, request: Any) -> Response:
        """Events from now on, or from after ``?since=`` or ``Last-Event-ID``; ``?topics=job.*,gpu.*``."""
        topics = tuple(filter(None, request.query.get("topics", "").split(",")))
        since = _number(request.headers.get(b"last-event-id", b"").decode("latin-1"))
        since = _number(request.query.get("since", "")) if since is None else since
        same = request.query.get("epoch", self._epoch) == self._epoch  # else the number is of another log
        known = since is not None and since <= self._bus.last and same
        listener = self._bus.listen(topics, since if known else None)
        frames = self._frames(listener, catching_up=known, forgot=since is not None and not known)
        fields = (("cache-control", "no-store"), ("x-accel-buffering", "no"))
        return Response(frames, content_type="text/event-stream", headers=fields, endless=True)

    async def _frames(self, listener: Listener, *, catching_up: bool, forgot: bool) -> AsyncIterator[bytes]:
        with listener:
            yield b"retry: 2000\n\n"
            if forgot:
                yield _lagged(0, listener.cursor)
            while True:
                with trio.move_on_after(QUIET):
                    await listener.wait_readable()
                events = list[Event]()
                if listener.behind and catching_up:
                    events = await listener.read_older(BATCH)
                else:
                    if listener.behind:
                        yield _lagged(*listener.skip())
                    catching_up = False
                    events = listener.read_nowait(BATCH)
                yield b"".join(map(_frame, events)) or b": still here\n\n"


def _number(text: str) -> int | None:
    if text and not (text.isdecimal() and len(text) < 19):
        raise UsageError(f"since is {text[:40]!r}, not the number of an event")
    return int(text) if text else None


def _frame(event: Event) -> bytes:
    """One event; what is not in the log has no number to go on from."""
    number = b"id: %d\n" % event.seq if event.seq else b""
    kind = event.kind.replace("\n", " ").encode()
    return b"%bevent: %b\ndata: %b\n\n" % (number, kind, msgspec.json.encode(as_map(event)))


def _lagged(first: int, last: int) -> bytes:
    data = msgspec.json.encode({"first": first, "last": last})
    return b"event: lagged\ndata: %b\n\n" % data
