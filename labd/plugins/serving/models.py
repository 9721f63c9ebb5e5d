"""All models of a daemon: who takes their requests, and what loads, replaces and unloads them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial

import msgspec
import trio

from labd.api import (
    Answer,
    Conflict,
    Inference,
    LabdError,
    Loader,
    ModelFailed,
    ModelSpec,
    ModelStatistics,
    ModelView,
    Node,
    NotReady,
    Overloaded,
    Refused,
    Ticket,
    UsageError,
)
from labd.api.serving import Done, Outcome
from labd.plugins.serving import kept
from labd.plugins.serving.entry import Entry, unknown
from labd.plugins.serving.pipeline import Pipeline
from labd.plugins.serving.version import Version
from labd.plugins.serving.waiting import waited

FIRST = "1"
"""The version of a model that says none."""

MOST_PIECES = 1000
"""Answers of a stream that wait for whoever reads them."""

MOST_STAGES = 16


class ServedModels:
    """A :class:`labd.api.Models`; :meth:`run` is the service. *declared* are those of the configuration.

    Cancelled, it takes no further request and gives those that it has *drain* seconds.
    """

    def __init__(self, node: Node, declared: Mapping[str, ModelSpec], drain: float = 0.0) -> None:
        self._node, self._declared, self._drain = node, declared, drain
        self._entries: dict[str, Entry] = {}
        self._kept = kept.Kept()
        self._writing = trio.Lock()
        self._nursery: trio.Nursery | None = None
        self._running: set[Version] = set()
        self._stopped = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take up what was served, and serve until cancelled."""
        self._entries.clear()
        folder = self._node.folder
        try:
            self._kept = await trio.to_thread.run_sync(kept.read, folder)
        except (OSError, msgspec.DecodeError) as error:
            self._node.log.error("cannot read which models were loaded: %s; those declared are", error)  # noqa: TRY400
        try:
            async with trio.open_nursery() as nursery:
                self._stopped = trio.Event()
                self._nursery = await nursery.start(self._keep)
                try:
                    self._take_up()
                    with self._node.serving.serve(self):
                        task_status.started()
                        await trio.sleep_forever()
                finally:
                    self._stopped.set()
        finally:
            self._nursery = None

    async def _keep(self, *, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        """Has the versions: they outlive the request to stop, by the time to drain."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                task_status.started(nursery)
                await self._stopped.wait()
                await self._see_off()
                nursery.cancel_scope.cancel(reason="labd stops")

    async def _see_off(self) -> None:
        """Wait for what was accepted, as long as that may take; nobody is left without an answer."""
        with trio.move_on_after(self._drain):
            while busy := [version for version in self._running if not version.empty]:
                await busy[0].settle()
        over = NotReady(
            f"labd stops, and the request was not answered within {self._drain:g} s",
            hint="ask again when labd is back; plugins.serving.drain_timeout gives more time",
        )
        for version in self._running:
            version.give_up(over)

    def _take_up(self) -> None:
        for name, spec in self._declared.items():
            self._begin(name, spec.version or FIRST, spec)
        for name, versions in self._kept.loaded.items():
            for version, spec in versions.items():
                self._begin(name, version, spec)

    def _begin(self, name: str, version: str, spec: ModelSpec) -> None:
        """Let a model come up, in its own time."""
        entry = self._entries.setdefault(name, Entry(name))
        entry.specs[version] = spec
        if f"{name}/{version}" in self._kept.unloaded:
            return
        try:
            self._build(entry, version, msgspec.structs.replace(spec, workers=self._workers(name, spec)))
        except LabdError as error:
            self._node.log.error("model %s cannot be served: %s", name, error.message)  # noqa: TRY400

    # -- requests --------------------------------------------------------------------------------

    def submit(self, request: Inference, done: Done) -> Ticket:
        entry = self._entry(request.model)
        if entry.pipeline is not None:
            return entry.pipeline.start(request, done)
        return entry.pick(request.version).submit(request, done)

    async def infer(self, request: Inference) -> Answer:
        outcome = await waited(partial(self.submit, request))
        if isinstance(outcome, LabdError):
            raise outcome
        return outcome

    async def stream(self, request: Inference) -> AsyncGenerator[Answer, None]:
        send, receive = trio.open_memory_channel[Outcome](MOST_PIECES)
        behind = False

        def done(outcome: Outcome) -> None:
            nonlocal behind
            try:
                send.send_nowait(outcome)
            except trio.WouldBlock:
                behind = True

        ticket = self.submit(request, done)
        try:
            async for outcome in receive:
                if isinstance(outcome, LabdError):
                    raise outcome
                yield outcome
                if outcome.final:
                    return
                if behind:
                    raise Overloaded(f"more than {MOST_PIECES} pieces of the answer waited to be read")
        finally:
            ticket.cancel()

    # -- asking ----------------------------------------------------------------------------------

    def list(self) -> Sequence[ModelView]:
        return [view for name in sorted(self._entries) for view in self._entries[name].views()]

    def metadata(self, model: str, version: str = "") -> ModelView:
        return self._entry(model).view(version)

    def spec(self, model: str, version: str = "") -> ModelSpec:
        """How it is loaded. Raises UnknownModel."""
        entry = self._entry(model)
        return entry.specs[entry.view(version).version if entry.pipeline is None else FIRST]

    def ready(self, model: str = "", version: str = "") -> bool:
        if model:
            return self.metadata(model, version).state == "ready"
        return all(view.state in ("ready", "unloaded") for view in self.list())

    def statistics(self, model: str = "", version: str = "") -> Sequence[ModelStatistics]:
        entries = [self._entry(model)] if model else [self._entries[name] for name in sorted(self._entries)]
        now = trio.current_time()
        if version:
            entries[0].view(version)
        return [
            one.statistics(now)
            for entry in entries
            for one in entry.versions.values()
            if version in ("", one.version)
        ]

    # -- changes ---------------------------------------------------------------------------------

    async def load(self, model: str, spec: ModelSpec | None = None) -> ModelView:
        if spec is None:
            return await self._replace(model, self._known_spec(model), keep=model not in self._declared)
        scaled = self._kept.workers.pop(model, None)  # what is said now counts
        try:
            return await self._replace(model, spec, keep=True)
        except BaseException:
            if scaled is not None:
                self._kept.workers[model] = scaled
            raise

    async def _replace(self, model: str, spec: ModelSpec, *, keep: bool) -> ModelView:
        """Load *model* by *spec*, and *keep* that, unless the configuration has it."""
        entry = self._entries.get(model)
        _check_name(model)
        fresh = entry is None
        entry = entry or Entry(model)
        async with entry.turn:
            last = entry.newest.version if entry.newest else next(reversed(entry.specs), FIRST)
            version = spec.version or last
            self._entries.setdefault(model, entry)
            try:
                view = await self._load(entry, version, spec)
            except BaseException:
                if fresh and not entry.versions and not entry.specs:
                    self._entries.pop(model, None)
                raise
        await self._keep_loaded(model, version, spec if keep else None)
        return view

    async def unload(self, model: str, version: str = "") -> None:
        entry = self._entry(model)
        async with entry.turn:
            entry.view(version)
            names = [version] if version else [*entry.specs]
            self._kept.unloaded = sorted({*self._kept.unloaded, *(f"{model}/{one}" for one in names)})
            await self._write()
            entry.pipeline = None
            for name in names:
                if (old := entry.versions.get(name)) is not None:
                    await old.retire()
                    del entry.versions[name]
                    entry.look()
                    self._publish("model.unloaded", old)
            self._forget_failed(model, entry, names)

    def _forget_failed(self, model: str, entry: Entry, names: Sequence[str]) -> None:
        """What was tried by a command and never came up leaves nothing behind."""
        loaded = self._kept.loaded.get(model, {})
        for name in names:
            if name not in loaded and model not in self._declared:
                entry.specs.pop(name, None)
        if not entry.specs and not entry.versions:
            self._entries.pop(model, None)

    async def reload(self, model: str) -> ModelView:
        entry = self._entry(model)
        version = entry.view().version
        keep = version in self._kept.loaded.get(model, {})
        return await self._replace(
            model, msgspec.structs.replace(self.spec(model), version=version), keep=keep
        )

    async def scale(self, model: str, workers: int) -> ModelView:
        entry = self._entry(model)
        if workers < 1 or workers > 1000:
            raise UsageError(
                f"a model has 1 to 1000 workers, not {workers}", hint="labctl model unload ends it"
            )
        version = entry.pick("") if entry.pipeline is None else None
        if version is None:
            raise Conflict(f"model {model} is a pipeline, which has no workers", hint="scale its stages")
        self._kept.workers[model] = workers
        await self._write()
        version.scale(workers)
        return version.view(newest=True)

    # -- steps -----------------------------------------------------------------------------------

    def _entry(self, model: str) -> Entry:
        entry = self._entries.get(model)
        if entry is None:
            raise unknown(model, self._entries)
        return entry

    def _known_spec(self, model: str) -> ModelSpec:
        if model in self._declared:
            return self._declared[model]
        entry = self._entry(model)
        return entry.specs[next(reversed(entry.specs))]

    async def _load(self, entry: Entry, version: str, spec: ModelSpec) -> ModelView:
        """Have *spec* served as *version*; whoever did so before goes when that is ready."""
        spec = msgspec.structs.replace(spec, workers=self._workers(entry.name, spec))
        old = entry.versions.get(version)
        new = self._build(entry, version, spec, aside=old is not None)
        if new is None:
            entry.specs[version] = spec
            return entry.view()
        try:
            state = await new.wait_up()
        except trio.Cancelled:
            new.abandon()
            raise
        if state != "ready":
            new.abandon()
            goes_on = old is not None and old.state == "ready"
            more = "; the one that was there goes on" if goes_on else ""
            raise ModelFailed(
                f"model {entry.name} did not come up: {new.reason}{more}", hint=new.hint, data=new.fault
            )
        entry.specs.pop(version, None)
        entry.specs[version] = spec
        entry.put(version, new)
        if old is not None and self._nursery is not None:
            self._nursery.start_soon(old.retire)
        return new.view(newest=True)

    def _build(self, entry: Entry, version: str, spec: ModelSpec, *, aside: bool = False) -> Version | None:
        """A version that is coming up, in *entry* unless *aside*; None for a pipeline. Raises UsageError."""
        if self._nursery is None:
            raise Refused("models are not served now: labd is starting or stopping")
        if spec.pipeline:
            _check_pipeline(entry.name, spec)
            entry.pipeline = Pipeline(entry.name, spec.pipeline, spec.timeout, self.submit, self.metadata)
            return None
        if entry.pipeline is not None:
            raise Conflict(f"model {entry.name} is a pipeline", hint=f"labctl model unload {entry.name}")
        loader = self._loader(spec)
        new = Version(self._node, entry.name, version, spec, loader, self._news)
        if not aside:
            entry.specs[version] = spec
            entry.put(version, new)
        self._nursery.start_soon(self._run_version, new, name=f"model {entry.name} {version}")
        return new

    async def _run_version(self, version: Version) -> None:
        self._running.add(version)
        try:
            await version.run()
        finally:
            self._running.discard(version)

    def _loader(self, spec: ModelSpec) -> Loader:
        loaders = self._node.serving.loaders
        if spec.loader not in loaders:
            raise UsageError(
                f"there is no loader {spec.loader!r}", hint=f"there are {', '.join(sorted(loaders))}"
            )
        loader = loaders[spec.loader]
        if loader.check is not None:
            loader.check(spec)
        return loader

    def _workers(self, name: str, spec: ModelSpec) -> int:
        return self._kept.workers.get(name, spec.workers)

    def _news(self, kind: str, version: Version) -> None:
        if (entry := self._entries.get(version.name)) is not None:
            entry.look()
        self._publish(kind, version)

    def _publish(self, kind: str, version: Version) -> None:
        data = {"model": version.name, "version": version.version, "reason": version.reason[:500]}
        if self._nursery is not None:
            self._nursery.start_soon(self._say, kind, data)

    async def _say(self, kind: str, data: dict[str, str]) -> None:
        try:
            await self._node.events.publish(kind, data)
        except LabdError as error:
            self._node.log.warning("cannot record %s: %s", kind, error.message)

    # -- what survives a restart -----------------------------------------------------------------

    async def _keep_loaded(self, model: str, version: str, spec: ModelSpec | None) -> None:
        versions = self._kept.loaded.setdefault(model, {})
        versions.pop(version, None)
        if spec is not None:
            versions[version] = spec
        if not versions:
            del self._kept.loaded[model]
        self._kept.unloaded = [one for one in self._kept.unloaded if one != f"{model}/{version}"]
        await self._write()

    async def _write(self) -> None:
        """Raises Refused: the disk does not take it."""
        async with self._writing:
            plain = msgspec.json.decode(msgspec.json.encode(self._kept), type=kept.Kept)
            try:
                await trio.to_thread.run_sync(kept.write, self._node.folder, plain)
            except OSError as error:
                why = f"it is served, but not after a restart: {error.strerror or error}"
                raise Refused(f"cannot keep which models are loaded: {why}", hint="labctl doctor") from error


def user_for(spec: ModelSpec, name: str) -> ModelSpec:
    """*spec* as whoever is called *name* loads it: under a labd of root their model runs as them."""
    return spec if spec.user or os.geteuid() != 0 else msgspec.structs.replace(spec, user=name)


def _check_name(model: str) -> None:
    if not 0 < len(model) <= 100 or any(c.isspace() or c in "/?#%" or not c.isprintable() for c in model):
        raise UsageError(
            f"{model!r} is no name for a model", hint="1 to 100 characters, no space, no / ? # %"
        )


def _check_pipeline(name: str, spec: ModelSpec) -> None:
    if name in spec.pipeline or len(spec.pipeline) > MOST_STAGES:
        raise UsageError(f"pipeline {name} has itself as a stage, or more than {MOST_STAGES}")
    if spec.target:
        raise UsageError(
            f"model {name} has a target and a pipeline", hint="a pipeline has no code of its own"
        )
