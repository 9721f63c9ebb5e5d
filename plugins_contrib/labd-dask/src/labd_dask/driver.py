"""The engine in the daemon: asks the helper, grants, and brings what tasks left into their folders."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import trio

from labd.api import (
    EngineGone,
    LabdError,
    Needs,
    Node,
    Refused,
    Standing,
    Task,
    Worker,
    WorkerError,
    WorkerSpec,
)
from labd.api.engines import deliver, put, standing
from labd_dask.grants import Grants
from labd_dask.settings import Settings

POLL = 2.0
"""Seconds after which Dask is asked though it said nothing."""

PATIENCE = 60.0
PIECE = 200
"""Tasks in one request to the helper."""

MAX_MESSAGE = 2**30


class Driver:
    """:meth:`run` is the service; the rest is what :class:`labd.api.engines.Driver` says."""

    def __init__(self, node: Node, settings: Settings) -> None:
        self._node, self._settings = node, settings
        self._grants = Grants()
        self._helper: Worker | None = None
        self._trouble = "its helper has not started yet"
        self._news, self._count = trio.Event(), 1
        self._asking: trio.MemorySendChannel[dict[str, str]] | None = None

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Keep a helper. Raises when it ends."""
        task_status.started()
        if self._settings.missing:
            self._trouble = self._settings.missing
            await trio.sleep_forever()
        try:
            async with self._node.workers.start(self._spec(), listen=self._heard) as helper:
                await self._serve(helper)
        except LabdError as error:
            self._trouble = error.message
            raise
        finally:
            self._helper = None

    async def check(self, needs: Needs) -> None:
        for name, amount, resource in (
            ("cpus", needs.cpus if needs.cpus > 1 else 0, self._settings.cpu_resource),
            ("gpus", needs.gpus, self._settings.gpu_resource),
        ):
            if amount and not resource:
                raise Refused(
                    f"the engine dask gives a task one thread, and this map asks for {name} = {amount:g}",
                    hint=f"set plugins.dask.{name[:-1]}_resource to the name under which workers offer them",
                )

    async def submit(self, tasks: Sequence[Task]) -> None:
        await self._grants.know([*tasks])
        for start in range(0, len(tasks), PIECE):
            some = tasks[start : start + PIECE]
            orders = await trio.to_thread.run_sync(_orders, some)
            told = [(t.key, order, self._resources(t.needs)) for t, order in zip(some, orders, strict=True)]
            await self._ask("submit", tasks=told)

    async def look(self, tasks: Sequence[Task]) -> Mapping[str, Standing]:
        await self._grants.know([*tasks])
        found = await trio.to_thread.run_sync(_settled, tasks)
        asked = {task.key: task for task in tasks if task.key not in found}
        said = await self._ask("look", keys=[*asked])
        astray: dict[str, list[str]] = {}
        for key, (state, reason, place) in said.items():
            if state == "waiting":
                found[key] = Standing("running" if self._grants.spool(key) else "waiting")
            elif state != "none":
                found[key] = await self._brought(asked[key], state, "", place)
            elif await self._grants.refuse(key):
                found[key] = Standing("never", reason)
            else:
                astray.setdefault(self._grants.spool(key), []).append(key)
        if astray:
            for key, (state, reason, at) in (await self._ask("find", asked=astray)).items():
                found[key] = await self._brought(asked[key], state, at, at, reason)
        return found

    async def changed(self, seen: int) -> int:
        with trio.move_on_after(POLL):
            while self._count <= seen:
                await self._news.wait()
        return max(self._count, seen + 1)

    async def cancel(self, tasks: Sequence[Task]) -> None:
        await self._grants.know([*tasks])
        for task in tasks:
            await self._grants.refuse(task.key)
        await self._ask("cancel", keys=[task.key for task in tasks])

    async def forget(self, tasks: Sequence[Task]) -> None:
        await self._ask("forget", keys=[task.key for task in tasks])
        self._grants.forget([*tasks])

    # -- the helper ------------------------------------------------------------------------------

    def _spec(self) -> WorkerSpec:
        settings = self._settings
        topic = f"labd-{_identity(self._node.folder)}"
        return WorkerSpec(
            target="labd_dask.helper:Helper", arguments={"options": settings.options() | {"topic": topic}},
            name="dask", python=settings.python, user=settings.user, env=settings.environment(),
            cwd="/", shared=0, max_message=MAX_MESSAGE,
        )  # fmt: skip

    async def _serve(self, helper: Worker) -> None:
        send, receive = trio.open_memory_channel[dict[str, str]](100_000)
        async with trio.open_nursery() as nursery:
            self._asking, self._helper = send, helper
            nursery.start_soon(self._answer, helper, receive)
            if said := await self._first_words():
                self._node.log.warning("%s", said)
            ending = await helper.wait_ended()
            self._trouble = f"its helper ended: {ending.reason}"
            raise EngineGone(self._trouble)

    async def _first_words(self) -> str:
        try:
            return str(await self._ask("connect"))
        except EngineGone as error:
            return error.message

    async def _ask(self, method: str, **params: Any) -> Any:
        """Raises EngineGone."""
        if self._helper is None:
            raise EngineGone(f"engine dask: {self._trouble}")
        try:
            return await self._helper.call(method, timeout=PATIENCE, **params)
        except WorkerError as error:
            said = error.message.partition(f"{error.data.get('type')}: ")[2] or error.message
            raise EngineGone(f"engine dask: {said}") from None

    def _heard(self, method: str, params: dict[str, Any]) -> None:
        if method == "asked" and self._asking is not None:
            try:
                self._asking.send_nowait(params)
            except trio.WouldBlock:
                pass  # it asks again
        self._tell()

    def _tell(self) -> None:
        self._count += 1
        self._news.set()
        self._news = trio.Event()

    async def _answer(self, helper: Worker, questions: trio.MemoryReceiveChannel[dict[str, str]]) -> None:
        """Tell workers whether they may begin."""
        async for first in questions:
            told: dict[str, dict[str, bool]] = {}
            for asked in [first, *_at_hand(questions)]:
                yes = await self._grants.ask(asked["key"], asked["spool"])
                told.setdefault(asked["place"], {})[asked["key"]] = yes
            helper.notify("answer", told=told)

    async def _brought(self, task: Task, state: str, at: str, place: str, reason: str = "") -> Standing:
        """Have the files of a task here; *at* is the worker that sees them, empty where Dask has them."""
        if state in ("ended", "lost"):
            files = await self._ask("bring", key=task.key, place=at)
            await trio.to_thread.run_sync(partial(deliver, task.folder, files))
        return Standing(state, reason, place)  # type: ignore[arg-type]

    def _resources(self, needs: Needs) -> dict[str, float]:
        named = {self._settings.cpu_resource: needs.cpus, self._settings.gpu_resource: needs.gpus}
        return {name: amount for name, amount in named.items() if name and amount}


def _at_hand(questions: trio.MemoryReceiveChannel[dict[str, str]]) -> Iterator[dict[str, str]]:
    while True:
        try:
            yield questions.receive_nowait()
        except trio.WouldBlock:
            return


def _orders(tasks: Sequence[Task]) -> list[bytes]:
    found = []
    for task in tasks:
        with open(os.path.join(task.folder, "task.json"), "rb") as file:
            found.append(file.read())
    return found


def _settled(tasks: Sequence[Task]) -> dict[str, Standing]:
    """Those whose end, or whose being void, was brought before."""
    stands = {task.key: standing(task.folder) for task in tasks}
    return {key: Standing(state) for key, state in stands.items() if state in ("ended", "never")}  # type: ignore[arg-type]


def _identity(folder: str) -> str:
    """A name of this labd, that it has for ever: several may use one scheduler."""
    path = os.path.join(folder, "identity")
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        put(folder, "identity", os.urandom(8).hex().encode())
        return _identity(folder)
