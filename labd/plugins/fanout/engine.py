"""All maps of a daemon: taken up at the start, found, accepted, ended by somebody, and run again."""

import os
import shutil
from collections.abc import Iterable
from typing import Any

import msgspec
import trio

from labd.api import Conflict, LabdError, Needs, Node, NotFound, Peer, UsageError
from labd.api.engines import LOCAL
from labd.plugins.fanout import arguments as argument_files
from labd.plugins.fanout import luggage, tasks
from labd.plugins.fanout.arguments import Arguments
from labd.plugins.fanout.crowd import Crowd
from labd.plugins.fanout.disk import Disk
from labd.plugins.fanout.folder import GONE, Folder
from labd.plugins.fanout.life import Lives
from labd.plugins.fanout.map import Map
from labd.plugins.fanout.model import MapSpec, Record, count
from labd.plugins.fanout.recorder import Recorder
from labd.plugins.fanout.retention import Kept, Limits, gone

NO_LIMITS = Limits()
COLLECT_EVERY = 3600.0
"""Seconds between two looks for maps that may go."""


class Engine:
    """:meth:`run` is the service. *slots* is how many workers a map has unless it says so itself."""

    def __init__(self, node: Node, slots: int, most_calls: int, limits: Limits = NO_LIMITS) -> None:
        self._node, self._slots, self._most = node, slots, most_calls
        self._limits = limits
        self._disk = Disk(node.log)
        self._anew()
        self._nursery: trio.Nursery | None = None
        self._maps: dict[int, Map] = {}
        self._keys: dict[tuple[int, str], int] = {}
        self._accepting = trio.Lock()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take up what a former daemon left, and run maps until cancelled."""
        self._anew()
        records = await trio.to_thread.run_sync(self._load)
        self._maps = {record.id: self._map(record) for record in records}
        self._keys = {(r.uid, r.key): r.id for r in records if r.key is not None}
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._recorder.run)
                nursery.start_soon(self._collect_now_and_then)
                for one in self._maps.values():
                    if one.record.state == "running":
                        self._begin(one)
                    elif one.record.spec.engine != LOCAL:
                        nursery.start_soon(self._lives.leave, one)
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None

    def _anew(self) -> None:
        """Nothing is left of a run that failed: what it had not written counts as never made."""
        self._recorder, self._crowd = Recorder(self._node.log), Crowd()
        self._lives = Lives(self._node, self._disk, self._recorder, self._crowd, self._slots)

    def _load(self) -> list[Record]:
        found = []
        for name in os.listdir(self._node.folder):
            if name.endswith(GONE):  # its removal was cut off
                shutil.rmtree(os.path.join(self._node.folder, name), ignore_errors=True)
        for name in filter(str.isdecimal, os.listdir(self._node.folder)):
            try:
                found.append(Folder(os.path.join(self._node.folder, name)).load())
            except (OSError, msgspec.DecodeError) as error:
                self._node.log.error("map %s cannot be read, and is left out: %s", name, error)  # noqa: TRY400
        return sorted(found, key=lambda record: record.id)

    # -- asking ----------------------------------------------------------------------------------

    @property
    def maps(self) -> Iterable[Map]:
        """The newest first."""
        return reversed(self._maps.values())

    @property
    def trouble(self) -> str:
        """Why nothing can be recorded now, or nothing."""
        return self._recorder.trouble

    def find(self, ref: int | str) -> Map:
        """The map with this number, or the newest of this name; ``last`` is the newest. Raises NotFound."""
        if isinstance(ref, str) and not ref.isdecimal():
            found = next((m for m in self.maps if ref in (m.record.spec.name, "last")), None)
        else:
            found = self._maps.get(int(ref))
        if found is None:
            raise NotFound(f"there is no map {ref!r}", hint="labctl maps lists them")
        return found

    async def read(self, one: Map, name: str, offset: int, limit: int) -> bytes:
        """What is durable of the ``results`` or ``logs`` of a map from *offset* on."""
        data: bytes = await self._disk.ask(lambda: one.file(name).read(offset, limit))
        return data

    # -- changes ---------------------------------------------------------------------------------

    async def submit(self, peer: Peer, spec: MapSpec, data: bytes, more: bool, key: str | None) -> Map:
        """A new map, durable on return. Raises UsageError for arguments that are wrong, NotFound, Refused."""
        async with self._accepting:
            if key is not None and (known := self._keys.get((peer.uid, key))) is not None:
                return self._maps[known]
            self._need_nursery()
            await self._check_engine(peer, spec)
            one = self._map(await self._record(peer, spec, data, more, key))
            if spec.data:
                await luggage.take(self._node, peer, spec, self._disk, one.folder.staged)
            await self._disk.ask(one.folder.make, one.record, data)
            self._maps[one.record.id] = one
            if key is not None:
                self._keys[peer.uid, key] = one.record.id
        if one.record.state == "running":
            self._begin(one)
        self._need_nursery().start_soon(self._lives.tell, "map.submitted", one)
        return one

    async def _check_engine(self, peer: Peer, spec: MapSpec) -> None:
        """Raises NotFound for an engine that nobody offers, UsageError and Refused for what it never runs."""
        if spec.engine != LOCAL:
            _check_travels(spec)
            needs = Needs(cpus=spec.cpus, memory=spec.memory, gpus=spec.gpus, user=peer.name)
            await self._node.engines.find(spec.engine).driver.check(needs)

    async def extend(self, one: Map, at: int, data: bytes, more: bool) -> int:
        """More arguments for a map that is open; their bytes so far. The last ones start it.

        Said twice, it counts once. Raises UsageError, Conflict, Refused.
        """
        if one.record.state != "open":
            if one.record.state == "running" and not more:
                return at + len(data)
            raise Conflict(f"map {one.record.id} takes no more arguments: it is {one.record.state}")
        size: int = await self._disk.ask(argument_files.append, one.folder.arguments, at, data)
        if not more:
            await self._seal(one)
        return size

    async def cancel(self, one: Map, reason: str) -> None:
        """End a map; its results stay. Raises Conflict when it has ended."""
        if not one.record.live:
            raise Conflict(f"map {one.record.id} has ended ({one.record.state})")
        if one.scope is None:
            await self._lives.end(one, "cancelled", reason)
            return
        one.cancelled = reason
        one.scope.cancel(reason=reason)
        await one.wait_ended()

    async def retry(self, one: Map) -> int:
        """Make the calls again that failed or were never made; how many. Raises Conflict."""
        record = one.record
        if record.live:
            raise Conflict(f"map {record.id} has not ended: it is {record.state}", hint="cancel it, or wait")
        left = record.total - record.succeeded
        if not left:
            raise Conflict(f"map {record.id} has nothing to make again")
        one.grown = await self._disk.ask(one.folder.forget_failures)
        record.state, record.reason, record.error, record.ended = "running", "", None, None
        record.round, record.failed = record.round + 1, 0
        await self._disk.keep(one.folder.save, record)
        self._begin(one)
        await self._lives.tell("map.retried", one, calls=left)
        return left

    async def collect(self, dry_run: bool = False) -> list[Kept]:
        """Remove maps that are over the limits of retention, or with *dry_run* only say which."""
        maps = list(self.maps)
        kept = await self._disk.ask(lambda: [_kept(one) for one in maps])
        going = gone(kept, self._limits, self._node.clock.wall())
        for each in () if dry_run else going:
            one = self._maps.get(each.id)
            if one is not None and not one.record.live:
                del self._maps[each.id]
                self._keys.pop((one.record.uid, one.record.key or ""), None)
                await self._disk.ask(one.folder.remove)
        return going

    async def _collect_now_and_then(self) -> None:
        while True:
            try:
                await self.collect()
            except LabdError as error:
                self._node.log.warning("old maps are kept: %s", error.message)
            await trio.sleep(COLLECT_EVERY)

    # -- steps -----------------------------------------------------------------------------------

    def _map(self, record: Record) -> Map:
        return Map(record, Folder(os.path.join(self._node.folder, str(record.id))))

    def _need_nursery(self) -> trio.Nursery:
        if self._nursery is None:
            raise Conflict("maps do not run now: labd is starting or stopping")
        return self._nursery

    def _begin(self, one: Map) -> None:
        self._need_nursery().start_soon(self._lives.live, one, name=f"map {one.record.id}")
        one.changed()

    async def _record(self, peer: Peer, spec: MapSpec, data: bytes, more: bool, key: str | None) -> Record:
        record = Record(
            id=max(self._maps, default=0) + 1, spec=spec, user=peer.name, uid=peer.uid, key=key,
            created=self._node.clock.wall(),
        )  # fmt: skip
        if spec.range is not None and (data or more):
            raise UsageError("a map has a range or lines of arguments, not both")
        if not more:
            if spec.range is None:
                await self._disk.ask(argument_files.check, data)
            self._open(record, data.count(b"\n") if spec.range is None else count(spec.range))
        return record

    async def _seal(self, one: Map) -> None:
        """All arguments are there: look at them, and start."""
        arguments = Arguments(one.folder.arguments)
        try:
            await self._disk.ask(arguments.load, True)
            self._open(one.record, arguments.count)
        except UsageError as error:
            await self._lives.end(one, "failed", error.message)
            raise
        await self._disk.keep(one.folder.save, one.record)
        self._begin(one)

    def _open(self, record: Record, calls: int) -> None:
        if calls > self._most:
            raise UsageError(
                f"a map of {calls} calls is over the limit of {self._most}",
                hint="raise plugins.fanout.max_calls, or let one call do more",
            )
        record.total, record.state = calls, "running"


def _check_travels(spec: MapSpec) -> None:
    """Raises UsageError for what is only where labd is."""
    if spec.data:
        raise UsageError(
            f"data: files do not go along to the engine {spec.engine!r}",
            hint="leave data out, and let calls open the files by a path that the machines share",
        )
    if spec.sandbox != "limits":
        raise UsageError(
            f"sandbox: the engine {spec.engine!r} cannot make calls {spec.sandbox!r}",
            hint="leave sandbox out, or make the calls here, with engine 'local'",
        )


def _kept(one: Map) -> Kept:
    """A map as retention sees it: unfinished also while an engine has something of it. Blocks."""
    over = not one.record.live and not tasks.any_left(one.folder.tasks)
    return Kept(one.record.id, one.record.ended if over else None, one.folder.size())


def as_map(view: Any) -> dict[str, Any]:
    """A struct as it travels."""
    found: dict[str, Any] = msgspec.to_builtins(view)
    return found
