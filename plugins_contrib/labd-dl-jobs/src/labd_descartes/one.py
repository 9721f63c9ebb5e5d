"""One group as it lives: its tasks go into maps of labd, and their ends come back."""

import hashlib
import logging
import math
import os
import pwd
from collections.abc import Awaitable, Callable, Iterator, Set
from contextlib import suppress
from functools import partial
from importlib import resources
from operator import itemgetter
from typing import Any

import msgspec
import trio

from labd.api import Conflict, LabdError, Node, NotFound, Peer, Role, StoreUnavailable
from labd_descartes import bundle, reading
from labd_descartes.journal import Folder, Place
from labd_descartes.model import Group, size_of
from labd_descartes.settings import Settings
from labd_descartes.state import Entry, State

WAIT = 30.0
"""Seconds that a question for results waits for some."""

AGAIN = 1.0
"""Seconds until something that failed for now is tried again."""

MOST = 10_000
"""Workers of one map at most."""

SEND = 2**21
"""Bytes of arguments of one message."""

ADAPTER = (resources.files(__package__) / "adapter.py").read_text()


class One:
    """A group. :meth:`run` makes its tasks until it is cancelled; the other methods keep what is asked."""

    def __init__(self, node: Node, group: Group, folder: Folder, settings: Settings) -> None:
        self.group, self.folder = group, folder
        self.state = State()
        self._node, self._settings = node, settings
        self._log: logging.Logger = node.log
        self._news = trio.Event()
        self._disk = trio.Lock()
        self.scope: trio.CancelScope | None = None

    # -- what is kept ------------------------------------------------------------------------------

    def recall(self) -> None:
        """Take up what the journal has. Blocks."""
        for entry, place in self.folder.replay():
            self.state.apply(entry, place)

    async def keep(self, *entries: Entry) -> int:
        """Record *entries*, durably, and take them up; how many tasks there were before. Raises
        StoreUnavailable, and nothing is changed.
        """
        async with self._disk:
            before = len(self.state.tasks)
            try:
                places = await trio.to_thread.run_sync(self.folder.append, entries)
            except OSError as error:
                raise StoreUnavailable(f"the disk refuses: {error}", hint="labctl doctor") from error
            for entry, place in zip(entries, places, strict=True):
                self.state.apply(entry, place)
        self.changed()
        return before

    async def read(self, *places: Place) -> list[Entry]:
        """The entries at *places*."""
        return await trio.to_thread.run_sync(self.folder.read, places)

    async def save(self, **changes: Any) -> None:
        """Change fields of the record, durably. Raises StoreUnavailable."""
        for name, value in changes.items():
            setattr(self.group, name, value)
        self.group.updated = self._node.clock.wall()
        try:
            await trio.to_thread.run_sync(self.folder.save, self.group)
        except OSError as error:
            raise StoreUnavailable(f"the disk refuses: {error}", hint="labctl doctor") from error
        self.changed()

    def changed(self) -> None:
        self._news.set()
        self._news = trio.Event()

    # -- runs --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Give tasks that wait to maps, and hear of them, until the group is terminated."""
        with trio.CancelScope() as self.scope:
            async with trio.open_nursery() as nursery:
                for number in [*self.state.open]:
                    nursery.start_soon(self._guarded, partial(self._follow, number))
                while True:
                    news = self._news
                    if not await self._next_run(nursery):
                        await news.wait()
        self.scope = None

    async def _next_run(self, nursery: trio.Nursery) -> bool:
        """Begin a run where there is something to do and room for it."""
        room = reading.room(self.group.shape.maximum_concurrency, self.state.working)
        if self.group.status != "running" or not self.state.queue or not room:
            return False
        number = len(self.state.runs)
        tasks = self.state.next_run(len(self.state.queue))
        try:
            await self.keep(Entry(run=tasks, room=int(min(room, MOST)) if room < math.inf else 0))
        except StoreUnavailable as error:
            self._log.warning("group %s: %s; trying again", self.group.id, error.message)
            await trio.sleep(AGAIN)
            return True
        nursery.start_soon(self._guarded, partial(self._follow, number))
        return True

    async def _guarded(self, follow: Callable[[], Awaitable[None]]) -> None:
        """A run goes on over whatever passes: fanout that restarts, a disk that is full."""
        while True:
            try:
                await follow()
                return
            except LabdError as error:
                self._log.warning("group %s: %s; trying again", self.group.id, error.message)
                await trio.sleep(AGAIN)

    async def _follow(self, number: int) -> None:
        """The map of run *number*, from its submission to its end. What was recorded of it is left out."""
        try:
            found = await self._submitted(number)
        except LabdError as error:
            if error.code in ("usage", "refused", "not_permitted"):
                await self._give_up(number, error.message)
                return
            raise
        view = await self._heard(number, found)
        if number not in self.state.open or self.group.status == "terminated":
            return
        fault = view["error"] or {}
        if fault.get("type") == "RequirementsError":
            log = f"{view['reason']}\n{fault.get('traceback', '')}"
            await self.save(status="build_failed", build_log=log)
        await self._give_up(number, fault.get("traceback") or view["reason"] or f"its map is {view['state']}")

    async def close(self) -> None:
        """The group is terminated: end its maps. Nobody hears of their tasks any more."""
        for number in [*self.state.open]:
            with suppress(Conflict):  # it has ended by itself
                await self._ask(
                    "map.cancel", map=await self._submitted(number), reason="the group is terminated"
                )
            await self.keep(Entry(over=number))

    async def _heard(self, number: int, one: int) -> dict[str, Any]:
        """Record the ends of tasks as they come; the map at its end."""
        texts: dict[int, str] = {}
        offset, logs_at, lines, log_lines = 0, 0, reading.Lines(), reading.Lines()
        while True:
            answer = await self._ask("map.results", map=one, offset=offset, wait=WAIT)
            offset = answer["offset"]
            logs_at = await self._logs(one, logs_at, log_lines, texts)
            await self._record(number, lines.feed(answer["data"]), texts)
            if answer["ended"]:
                view: dict[str, Any] = answer["map"]
                return view

    async def _logs(self, one: int, at: int, lines: reading.Lines, texts: dict[int, str]) -> int:
        """Add what tasks printed to *texts*: it is there before their results are. Where it ends."""
        while True:
            answer = await self._ask("map.logs", map=one, offset=at)
            at = answer["offset"]
            for said in reading.said(lines.feed(answer["data"])):
                texts[said.index] = texts.get(said.index, "") + said.text
            if not answer["data"]:
                return at

    async def _record(self, number: int, lines: list[bytes], texts: dict[int, str]) -> None:
        tasks, now = self.state.runs[number].tasks, self._node.clock.wall()
        entries = [
            Entry(done=tasks[result.index], outcome=reading.outcome(result, texts.pop(result.index, ""), now))
            for result in reading.results(lines)
            if tasks[result.index] in self.state.open.get(number, ())
        ]
        if entries:
            await self.keep(*entries)

    async def _give_up(self, number: int, reason: str) -> None:
        """The rest of a run is not made."""
        now = self._node.clock.wall()
        left = sorted(self.state.open.get(number, ()))
        await self.keep(*(Entry(done=task, outcome=reading.not_made(reason, now)) for task in left))

    # -- maps --------------------------------------------------------------------------------------

    async def _submitted(self, number: int) -> int:
        """The map of a run, which is made only once; its number."""
        await self._put_code()
        tasks, room = (run := self.state.runs[number]).tasks, run.room
        lines = await self._lines(tasks)
        key = f"descartes-{self.group.id}-{number}"
        first, rest = lines[0], lines[1:]
        ask = {"spec": self._spec(tasks, room), "arguments": first, "more": bool(rest), "key": key}
        view = (await self._ask("map.submit", **ask))["map"]
        at = len(first)
        for count, data in enumerate(rest, start=1):
            if view["state"] == "open":
                await self._ask("map.extend", map=view["id"], at=at, arguments=data, more=count < len(rest))
            at += len(data)
        return int(view["id"])

    async def _lines(self, tasks: list[int]) -> list[bytes]:
        """The arguments of *tasks*, in pieces for one message each."""
        pieces = [bytearray()]
        for entry in await self.read(*(self.state.tasks[number].place for number in tasks)):
            assert entry.task is not None
            if len(pieces[-1]) > SEND:
                pieces.append(bytearray())
            call = [entry.task.arguments or [], entry.task.parameters or {}]
            pieces[-1] += msgspec.json.encode(call) + b"\n"
        return [bytes(piece) for piece in pieces]

    def _spec(self, tasks: list[int], room: int) -> dict[str, Any]:
        group, shape, settings = self.group, self.group.shape, self._settings
        pickled = shape.function_type == "py_pickle"
        return {
            "function": "task", "source": ADAPTER, "name": shape.name or group.id,
            "kwargs": {"kind": shape.function_type, "version": shape.function_python_version},
            "data": group.data, "requirements": group.requirements, "cpus": shape.cpu, "gpus": shape.gpu,
            "memory": size_of(shape.mem), "time_limit": shape.worker_timeout or 0,
            "retries": self.state.tasks[tasks[0]].retries,
            "concurrency": room,
            "python": settings.images.get(shape.image, settings.python),
            "env": settings.env, "sandbox": settings.pickles if pickled else settings.bundles,
        }  # fmt: skip

    async def _put_code(self) -> None:
        """See that labd has all pieces of the code: it keeps what nobody names for a day only."""
        digests = [digest for pieces in self.group.data.values() for digest in pieces]
        missing = set((await self._ask("blob.missing", digests=digests))["missing"])
        if not missing:
            return
        sent = self._pieces(missing)
        while (piece := await trio.to_thread.run_sync(next, sent, None)) is not None:
            await self._ask("blob.put_all", blobs=[piece])

    def _pieces(self, digests: Set[str]) -> Iterator[bytes]:
        """The pieces with these digests. Blocks."""

        def wanted(piece: bytes) -> bool:
            return hashlib.sha256(piece).hexdigest() in digests

        with open(self.folder.code, "rb") as file:
            if self.group.shape.function_type == "py_bundle":
                found = map(itemgetter(1), bundle.pieces(file, self._settings.max_unpacked))
                yield from filter(wanted, found)
            else:
                yield from filter(wanted, iter(partial(file.read, bundle.PIECE), b""))

    async def _ask(self, method: str, **params: Any) -> Any:
        return await self._node.methods.call(method, params, self.peer)

    @property
    def peer(self) -> Peer:
        """Whose group it is. Raises NotFound when there is no such user any more."""
        return person(self.group.uid)


def person(uid: int) -> Peer:
    """The user *uid*, who may submit. Raises NotFound."""
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        if uid != os.getuid():
            raise NotFound(f"there is no user {uid} any more") from None
        return Peer(pid=0, uid=uid, gid=os.getgid(), name=str(uid), role=Role.SUBMIT)
    return Peer(pid=0, uid=uid, gid=found.pw_gid, name=found.pw_name, role=Role.SUBMIT)
