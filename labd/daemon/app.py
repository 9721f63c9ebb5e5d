"""The root: everything the daemon is made of, in order, and how it starts and stops.

Start goes outer to inner, stop inner to outer: store -> jobs -> plugins' services -> socket -> READY.
"""

import logging
import os
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from labd.api.methods import Peer
from labd.config.model import Resources
from labd.daemon import plugins
from labd.daemon.arrangement import layers
from labd.daemon.blobs import UserBlobs
from labd.daemon.code import FrozenCode
from labd.daemon.connection import Connection
from labd.daemon.control import Control
from labd.daemon.desk import Desk
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.daemon.gpus import GpuWatch, keep_indices, kept_indices
from labd.daemon.identity import epoch_of, identity, version
from labd.daemon.layers import run_layers
from labd.daemon.leases import Leases
from labd.daemon.lines import TaskLines
from labd.daemon.methods.own import methods
from labd.daemon.models import ModelDesk
from labd.daemon.node import NodeBlobs, NodeResources
from labd.daemon.notices.owed import Origin
from labd.daemon.notices.senders import Senders
from labd.daemon.notices.service import Notices
from labd.daemon.owner import LABD
from labd.daemon.peers import identify
from labd.daemon.plugin_node import node_of
from labd.daemon.plugin_switch import Switchboard
from labd.daemon.rebuilding import Rebuilder
from labd.daemon.restored import own_up
from labd.daemon.sampling import Sampler
from labd.daemon.server import Server, bind
from labd.daemon.setup import Setup
from labd.daemon.signals import Signals
from labd.daemon.stall import StallWatch
from labd.daemon.strict import Strictness
from labd.daemon.supervisor import Supervisor
from labd.daemon.surroundings import surroundings
from labd.daemon.telemetry.service import Spans
from labd.daemon.telemetry.spans import Origin as SpanOrigin
from labd.daemon.uploads import Uploads
from labd.daemon.web.off import NoWeb
from labd.daemon.wiring import Wiring
from labd.jobs import attempts, limits, table
from labd.jobs.census import Counter
from labd.jobs.clock import SystemClock
from labd.jobs.code import blobs_of
from labd.jobs.collect import Collector, Things
from labd.jobs.decide import Draft
from labd.jobs.follow import Follower
from labd.jobs.items import Items
from labd.jobs.launch import Launcher
from labd.jobs.model import Job
from labd.jobs.queue import Queue
from labd.jobs.reports import Reports
from labd.jobs.runner import Runner
from labd.jobs.shims import Shims
from labd.jobs.sweep import Sweeper
from labd.jobs.trees import Trees
from labd.jobs.watch import Watcher
from labd.resources.inventory import Inventory
from labd.resources.ledger import Ledger
from labd.resources.probe import machine
from labd.resources.sysfs import nvidia_count
from labd.store import eventlog
from labd.store.blobs import Blobs
from labd.workers.service import WorkerHouse

if TYPE_CHECKING:
    from labd.daemon.web.service import Web

log = logging.getLogger("labd")


REMEMBERED = 2000
"""Ended attempts from which fair shares are reckoned after a restart."""

LEAVE = 1.0
"""Seconds of the time to stop that are kept for hanging up on clients, whose last calls have the rest."""


class Daemon:
    """One labd. Building it touches nothing outside; :meth:`run` is its life."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.clock = SystemClock()
        self.supervisor: Supervisor | None = None
        self.delegation: limits.Delegation | None = None
        self._make_store()
        self._make_jobs()
        self._make_offers()
        self._make_upkeep()
        self._make_outside()
        self._make_control()

    # -- what it is made of ----------------------------------------------------------------------

    def _make_store(self) -> None:
        """What is known, and what is kept in files beside it."""
        state = self.setup.paths.state
        self.store = self.setup.store
        first, last = self.store.read(eventlog.bounds)
        self.bus = Bus(last, self._older_events, first)
        self.queue = Queue(self.store, self.bus, self.clock, attempts.last_job(state))
        self.queue.load()
        self.files, turn = Blobs(os.path.join(state, "blobs")), trio.CapacityLimiter(1)
        self.blobs, self.user_blobs = NodeBlobs(self.files, turn), UserBlobs(self.files, self.store, turn)
        self.uploads = Uploads(os.path.join(state, "uploads"), self.user_blobs)
        self.code = FrozenCode(self.user_blobs)

    def _make_jobs(self) -> None:
        """From the queue to processes, and what they may hold."""
        config, trees = self.setup.loaded.config, os.path.join(self.setup.paths.state, "unpacked")
        self.ledger = Ledger(machine(config.resources.cores, config.resources.memory))
        self.watcher = Watcher(self._rescan)
        self.reports = Reports(self.watcher, self._reported)
        self.launcher = Launcher(self.setup.zygote)
        self.shims = Shims(self.launcher)
        self.follower = Follower(self.queue, self.watcher, self.reports, self.clock, self._folder)
        self.runner = Runner(
            self.queue, self.ledger, self.shims, self.follower, self.clock, self._folder,
            partial(surroundings, self), Trees(trees, self.files),
        )  # fmt: skip
        self.runner.past = partial(self.store.read_slow, lambda conn: table.past_attempts(conn, REMEMBERED))
        self.leases = Leases(self.ledger, self.runner.kick)
        self.gpus = self._gpu_watch(config.resources)
        self.workers = WorkerHouse(NodeResources(self.leases), self._worker_changed, self._worker_groups)

    def _make_offers(self) -> None:
        """What clients and plugins can ask for."""
        self.dispatcher = Dispatcher()
        self.boundary = self.setup.registry.boundary
        self.wiring = Wiring(self.boundary, self.dispatcher)
        self.models = ModelDesk(self.wiring.loaders)
        self.desk = Desk(
            self.store, self.queue, self.runner, self.ledger, self.reports, self.watcher, self.clock,
            self.setup.paths.state, self.wiring.kinds, TaskLines(Items(self.files), self.user_blobs),
        )  # fmt: skip

    def _make_upkeep(self) -> None:
        """What removes the old, and owns up to what a restored store has lost."""
        state = self.setup.paths.state
        counter = Counter(self.store, state, self.files, [partial(blobs_of, blobs=self.files)])
        things = Things(self.store, self.queue, counter, self.files)
        self.collector = Collector(things, state, self.clock, self._collected)
        self.sweeper = Sweeper(self.collector, self.clock)
        self.epoch = epoch_of(self.store)
        own_up(self.store, self.queue, self.clock, self._folder)

    def _make_outside(self) -> None:
        """What tells the world."""
        host = socket.gethostname()
        self.notices = Notices(
            self.store, self.queue, self.bus, self.clock, Senders(self.wiring.notifiers),
            Origin(host, self.epoch),
        )  # fmt: skip
        self.spans = Spans(self.store, self.bus, SpanOrigin(host, version(), self.epoch))
        self.web = self._web()

    def _make_control(self) -> None:
        """What people steer it by, and what watches over plugins."""
        setup, config = self.setup, self.setup.loaded.config
        self.control = Control(self)
        self.sampler = Sampler(self.bus, self.control.publish_sample, (setup.paths.state, "/", "/tmp"))
        self.plugins = Switchboard(
            setup.registry, self.wiring, partial(node_of, self), setup.loaded, find=plugins.find,
            read=self.control.read, tell=self._tell, stopping=lambda: self.control.stopping,
        )  # fmt: skip
        self.strictness = Strictness(setup.registry)
        self.server = Server(self._sockets(), self._identify, self._connection, config.wire.max_connections)
        self.stalls = StallWatch(self._stalled, config.daemon.stall_limit)
        self.boundary.held, self.boundary.failed = self.stalls.held, self.strictness.failed

    # -- life ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start, serve, stop. Returns when stopped; raises what a critical part gave up with."""
        self._find_control_group()
        Rebuilder(self.store, self.queue, self.clock, self.setup.paths.state).run()
        signals = Signals(stop=self.control.stop, hurry=self.control.hurry, reload=self.control.reload)
        async with trio.open_nursery() as outer:
            await outer.start(signals.run)
            outer.start_soon(self.control.see_off)
            outer.start_soon(self.strictness.run)
            async with trio.open_nursery() as services:
                self.control.life = services.cancel_scope
                self.supervisor = Supervisor(services, on_change=self.control.service_changed)
                self.wiring.supervisor = self.supervisor
                self._offer_methods()
                self.plugins.begin()
                await run_layers(
                    self.supervisor,
                    layers(self),
                    ready=self._ready,
                    stop_reason=lambda: self.control.stop_reason,
                    stuck=self.control.stuck,
                )
            outer.cancel_scope.cancel(reason="labd has stopped")

    def _find_control_group(self) -> None:
        """Whether jobs can have control groups of their own; labd's own process may have to move for it."""
        self.delegation = limits.probe()
        if self.delegation is not None:
            limits.tidy(self.delegation.path)

    def _ready(self) -> None:
        self.plugins.up.set()
        self.control.started()
        self.setup.notifier.ready(self.control.status_line())

    # -- offering --------------------------------------------------------------------------------

    def _offer_methods(self) -> None:
        for method in methods(self):
            self.dispatcher.add(method)
        self._prepare_web()

    def _prepare_web(self) -> None:
        if isinstance(self.web, NoWeb):
            return
        self.dispatcher.called = self.web.meters.called
        self.web.prepare()
        self.web.answer([])
        self.wiring.on_routes = self.web.answer

    def _web(self) -> "Web | NoWeb":
        if not self.setup.loaded.config.http.enabled:
            return NoWeb()
        from labd.daemon.web.service import Web

        return Web(self)

    # -- wiring ----------------------------------------------------------------------------------

    def _sockets(self) -> list[socket.socket]:
        shared = os.getuid() == 0 or "RUNTIME_DIRECTORY" in self.setup.env
        return list(self.setup.passed) or [bind(self.setup.paths.socket, shared)]

    def _identify(self, sock: trio.socket.SocketType) -> Peer:
        return identify(sock, self.control.config.access, os.getuid())

    def _connection(self, stream: trio.abc.Stream, peer: Peer) -> Connection:
        wire = self.control.config.wire
        return Connection(
            stream,
            peer,
            self.dispatcher,
            self.bus,
            identity(self.epoch),
            max_requests=wire.max_requests,
            max_frame=wire.max_frame,
            send_timeout=wire.send_timeout,
            drain=max(self.control.config.daemon.stop_timeout - LEAVE, 0.0),
            gone=self.uploads.gone,
        )

    async def _older_events(self, seq: int, limit: int) -> list[Any]:
        return await self.store.read_slow(lambda conn: eventlog.after(conn, seq, limit))

    def _folder(self, job: Job) -> str:
        return attempts.folder(self.setup.paths.state, job.id, job.attempt)

    def _gpu_watch(self, resources: Resources) -> GpuWatch:
        boot = self.clock.boot_id
        return GpuWatch(
            Inventory(
                self.store.read(lambda conn: kept_indices(conn, boot)),
                expected=0 if resources.gpu_probe else nvidia_count(),
            ),
            self.ledger,
            resources,
            self.queue.record,
            self.leases.serve,
            lambda indices: self.store.enqueue(lambda conn: keep_indices(conn, boot, indices)),
        )

    def _reported(self, job: int, data: dict[str, Any]) -> None:
        self.control.publish_transient("job.reported", data)

    def _collected(self, first: int) -> None:
        self.bus.first = first

    def _tell(self, kind: str, data: dict[str, Any], actor: str) -> None:
        self.queue.record([Draft(kind, data, actor=actor)])

    def _stalled(self, task: str, seconds: float, owner: str) -> None:
        if owner != LABD:
            self.boundary.stalled(owner, seconds)
        log.warning("task %s held the loop for %.0f ms", task, seconds * 1000)
        self.queue.record([Draft("daemon.stalled", {"task": task, "seconds": round(seconds, 4)})])

    def _worker_changed(self, kind: str, data: dict[str, Any]) -> None:
        self.queue.record([Draft(kind, data)])

    def _worker_groups(self) -> str:
        return self.delegation.path if self.delegation else ""

    def reload_queue(self) -> None:
        self.runner.recover(self.queue.load())

    def _rescan(self) -> None:
        """Events of the watcher were lost: look at every running attempt."""
        for job_id in [job.id for job in self.queue.live.values() if job.busy]:
            self.follower.settle(job_id)
