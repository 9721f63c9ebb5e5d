"""What a plugin is given: the daemon, as far as it concerns a plugin."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

import msgspec

from labd.api.jobs import JobSpec, JobView
from labd.api.serving import Loader, Models
from labd.api.workers import Workers


class Event(msgspec.Struct, frozen=True):
    """One change. ``seq`` grows by one; ``time`` is Unix seconds; ``actor`` who, ``cause`` why."""

    seq: int
    time: float
    kind: str
    actor: str
    cause: str
    data: dict[str, Any]


class Lease(Protocol):
    """What was granted; given back by leaving the ``async with`` that took it."""

    @property
    def gpu_ids(self) -> tuple[int, ...]:
        """The indices of the GPUs, as labd counts them; empty when none was asked for."""
        ...


class Clock(Protocol):
    """Time in two kinds. Durations never come from the wall clock, which somebody may set.

    To wait, use ``trio.sleep``: in tests its time is virtual, and these go along with it.
    """

    def wall(self) -> float:
        """Unix seconds, to show to people."""
        ...

    def boot(self) -> float:
        """Seconds since boot, counted through suspend (``CLOCK_BOOTTIME``)."""
        ...


class Jobs(Protocol):
    """The queue. Jobs of a plugin belong to the daemon's own user.

    Jobs outlive the daemon, and so the plugin: after a restart find them again by the ids or the keys that
    you kept. Reading logs, holding and retrying are methods of the daemon, not of a node.
    """

    async def submit(self, spec: JobSpec, *, key: str | None = None) -> JobView:
        """Accept a job; durable on return. With a *key* that was used before, the job that it made.

        Set ``cwd``, which is ``/`` otherwise; of the environment labd adds only what every job gets. Raises
        UsageError for a wrong spec, NotFound for an unknown job in ``after``, Refused for what this machine
        could never run, Overloaded at a limit, StoreUnavailable while nothing can be made durable.
        """
        ...

    async def show(self, job: int) -> JobView:
        """The job as it is now. Raises NotFound."""
        ...

    async def wait(self, job: int) -> JobView:
        """The job once it has ended: look at its ``state``, a failed job raises nothing. Raises NotFound."""
        ...

    async def cancel(self, job: int, *, reason: str = "") -> JobView:
        """Ask for the job's end; :meth:`wait` for it. Raises NotFound, Conflict when it has ended."""
        ...


class Resources(Protocol):
    """The ledger of cores, memory and GPUs, shared by every kind of work."""

    def lease(
        self,
        *,
        cpus: float = 0,
        memory: int = 0,
        gpus: float = 0,
        gpu_ids: tuple[int, ...] = (),
        vram: int = 0,
        holder: str,
    ) -> AbstractAsyncContextManager[Lease]:
        """Wait for and hold resources: cores, bytes, whole GPUs or a part of one (below 1), those of certain
        indices, and bytes of the memory of each GPU, which is then shared.

        *holder* is what ``labctl why`` calls you. Leases are served before jobs that wait; a cancelled wait
        leaves the line. Nothing holds you to what you leased. Raises Refused when the machine could never
        grant it.
        """
        ...


class Events(Protocol):
    """The bus of everything that happens."""

    async def publish(self, kind: str, data: dict[str, Any], *, cause: str = "") -> Event:
        """Record an event, durable on return. *kind* is ``plugin-name.what``.

        *data* is what JSON can hold; it is kept for as long as the log of events, so keep it small and put
        bytes into blobs. Raises UsageError for a kind of somebody else's, StoreUnavailable.
        """
        ...

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Say something to whoever listens now; nobody can ask for it later. Not more than a few a second."""
        ...

    def subscribe(self, *topics: str) -> AsyncGenerator[Event, None]:
        """Events from now on whose kind matches one of *topics* (``job.*``; none means all).

        "Now" is when the first one is asked for. Whoever falls far behind misses the oldest. The
        iteration has no end: run it in a service or, to leave it early, inside
        ``async with contextlib.aclosing(...)``.
        """
        ...


class Blobs(Protocol):
    """Bytes kept under their own SHA-256, once each, for as long as the state directory lives."""

    async def put(self, data: bytes) -> str:
        """Keep *data*; returns its digest, durable on return. Raises StoreUnavailable."""
        ...

    async def get(self, digest: str) -> bytes:
        """The bytes of *digest*, checked against it.

        Raises UsageError for what is no digest, NotFound, StateError when the disk has changed them.
        """
        ...


class ModelDesk(Protocol):
    """Where whoever serves models and whoever wants some meet."""

    @property
    def models(self) -> Models:
        """Who serves models now: ask anew for each request. Raises NotReady when nobody does."""
        ...

    def serve(self, models: Models) -> AbstractContextManager[None]:
        """Be who serves models for as long as the ``with`` lasts. Raises Conflict when somebody is."""
        ...

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """Every way to load a model that plugins offer now, by its name."""
        ...


class Node(Protocol):
    """The daemon as one plugin sees it: each plugin has its own, the same one in all of its hooks.

    It works once services run: hooks only hand it on.
    """

    @property
    def name(self) -> str:
        """The plugin's name: that of its entry point, of its table in the configuration, of its methods."""
        ...

    @property
    def config(self) -> Any:
        """The plugin's settings: an instance of what ``labd_settings`` returned, or None."""
        ...

    @property
    def log(self) -> logging.Logger:
        """``labd.plugin.NAME``, which goes where labd's own log goes."""
        ...

    @property
    def folder(self) -> str:
        """A folder of the plugin's own in the state directory, mode 0700; it is there once asked for.

        What is to survive a power cut must be synced (fsync) by the plugin, off the loop.
        """
        ...

    @property
    def jobs(self) -> Jobs: ...

    @property
    def resources(self) -> Resources: ...

    @property
    def events(self) -> Events: ...

    @property
    def blobs(self) -> Blobs: ...

    @property
    def workers(self) -> Workers: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def serving(self) -> ModelDesk: ...
