"""One map, as a program has it."""

import json
from collections.abc import Iterator
from typing import Any

from labd.client import show
from labd.client.link import Link
from labd.client.results import MapFailed, Result, Sorter, Stream

POLL = 30.0
"""Seconds after which a question that waits is asked anew."""


class Map:
    """A map that was submitted. It goes on without this program; ``Client.get`` finds it again.

    To iterate over it gives results in the order of the calls, and raises :class:`CallFailed` where a call
    failed, :class:`MapFailed` where the map ended without having made it.
    """

    def __init__(self, link: Link, view: dict[str, Any], progress: bool | None = None) -> None:
        self._link = link
        self._view = view
        self._progress = progress
        self.id: int = view["id"]

    def info(self) -> dict[str, Any]:
        """How it stands now: ``state``, ``total``, ``succeeded``, ``failed``, ``eta`` and more."""
        return self._asked("map.show")

    def __iter__(self) -> Iterator[Any]:
        sorter = Sorter()
        for result in self.as_completed():
            for each in sorter.put(result):
                yield each.value()

    def as_completed(self) -> Iterator[Result]:
        """Each result once it is there, failed ones too. Raises MapFailed at the end of a map that was
        cancelled, or whose function cannot be called.
        """
        with show.bar(self._progress) as bar:
            yield from self._stream(bar)
        if self._view["succeeded"] + self._view["failed"] < self._view["total"]:
            raise failure(self._view)

    def results(self) -> list[Any]:
        """All results in order, once all are there. Raises as iterating does."""
        return list(self)

    def errors(self) -> list[Result]:
        """The calls that failed, once the map has ended, by their index."""
        failed = [result for result in self._stream(show.SILENT) if result.error is not None]
        return sorted(failed, key=lambda result: result.index)

    def wait(self) -> dict[str, Any]:
        """How it stands once it has ended."""
        with show.bar(self._progress) as bar:
            while self._asked("map.show")["state"] in ("open", "running"):
                bar.draw(self._view)
                for _ in self._chunks("map.results", bar):
                    pass
        return self._view

    def cancel(self, reason: str = "") -> None:
        """End it. Raises Conflict when it has ended."""
        self._asked("map.cancel", reason=reason)

    def retry(self) -> None:
        """Make the calls again that failed or were not made. Raises Conflict while it runs."""
        self._asked("map.retry")

    def logs(self) -> Iterator[dict[str, Any]]:
        """What calls printed: maps with ``index``, ``attempt``, ``text``, until the map has ended."""
        rest = b""
        for data in self._chunks("map.logs", show.SILENT):
            *lines, rest = (rest + data).split(b"\n")
            yield from map(json.loads, lines)

    def __repr__(self) -> str:
        return f"<map {self.id} {show.sentence(self._view)}>"

    def _repr_html_(self) -> str:
        return show.html(self.info())

    def _asked(self, method: str, **more: Any) -> dict[str, Any]:
        self._view = self._link.call(method, {"map": self.id, **more})["map"]
        return self._view

    def _stream(self, bar: show.Bar) -> Iterator[Result]:
        stream = Stream()
        for data in self._chunks("map.results", bar):
            yield from stream.feed(data)

    def _chunks(self, method: str, bar: show.Bar) -> Iterator[bytes]:
        """What is there, and what comes, until the map has ended. A restart of labd only takes time."""
        offset = 0
        while True:
            wait = bar.patience or POLL
            answer = self._link.call(method, {"map": self.id, "offset": offset, "wait": wait})
            self._view, offset = answer["map"], answer["offset"]
            bar.draw(self._view)
            if answer["data"]:
                yield answer["data"]
            if answer["ended"]:
                return


def failure(view: dict[str, Any]) -> MapFailed:
    """Why a map ended early."""
    trace = (view.get("error") or {}).get("traceback", "")
    why = f": {view['reason']}" if view["reason"] else ""
    return MapFailed(f"map {view['id']} is {view['state']}{why}", hint=trace, data={"map": view["id"]})
