"""The root: everything the daemon is made of, in order, and how it starts and stops.

Start goes outer to inner, stop inner to outer: store -> jobs -> plugins' services -> socket -> READY.
"""

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import trio

from labd.api.methods import Peer, Role
from labd.api.services import Restart, Service
from labd.config import Loaded
from labd.config.model import Resources
from labd.daemon import plugins
from labd.daemon.blobs import UserBlobs
from labd.daemon.code import FrozenCode
from labd.daemon.connection import Connection
from labd.daemon.control import Control
from labd.daemon.desk import Desk
from labd.daemon.dispatch import Dispatcher
from labd.daemon.events import Bus
from labd.daemon.gpus import GpuWatch, keep_indices, kept_indices
from labd.daemon.healing import Healer
from labd.daemon.identity import epoch_of, identity, version
from labd.daemon.layers import Layer, run_layers
from labd.daemon.leases import Leases
from labd.daemon.lines import TaskLines
from labd.daemon.methods.blobs import BlobMethods
from labd.daemon.methods.http import HttpMethods
from labd.daemon.methods.jobs import JobMethods
from labd.daemon.methods.notify import NotifyMethods
from labd.daemon.methods.plugins import PluginMethods
from labd.daemon.methods.store import StoreMethods
from labd.daemon.methods.system import SystemMethods
from labd.daemon.methods.usage import UsageMethods
from labd.daemon.models import ModelDesk
from labd.daemon.node import NodeBlobs, NodeEvents, NodeJobs, NodeResources, PluginNode
from labd.daemon.notices.owed import Origin
from labd.daemon.notices.senders import Senders
from labd.daemon.notices.service import Notices
from labd.daemon.notify import Notifier, Watchdog
from labd.daemon.owner import LABD
from labd.daemon.peers import base_environment, identify, runs_as, user_name
from labd.daemon.plugin_record import PluginRecord
from labd.daemon.plugin_switch import Switchboard
from labd.daemon.rebuilding import Rebuilder
from labd.daemon.registry import Registry
from labd.daemon.restored import own_up
from labd.daemon.sampling import Sampler
from labd.daemon.server import Server, bind
from labd.daemon.signals import Signals
from labd.daemon.stall import StallWatch
from labd.daemon.strict import Strictness
from labd.daemon.supervisor import Supervisor
from labd.daemon.telemetry.service import Spans
from labd.daemon.telemetry.spans import Origin as SpanOrigin
from labd.daemon.uploads import Uploads
from labd.daemon.web.service import Web
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
from labd.jobs.order import Surroundings
from labd.jobs.queue import Queue
from labd.jobs.reports import Reports
from labd.jobs.runner import Runner
from labd.jobs.shim.spawn import Zygote
from labd.jobs.sweep import Sweeper
from labd.jobs.trees import Trees
from labd.jobs.watch import Watcher
from labd.paths import Paths
from labd.resources.inventory import Inventory
from labd.resources.ledger import Ledger
from labd.resources.probe import machine
from labd.resources.sysfs import nvidia_count
from labd.store import eventlog
from labd.store.blobs import Blobs
from labd.store.snapshot import run_snapshots
from labd.store.writer import Store
from labd.workers.service import WorkerHouse

log = logging.getLogger("labd")


FAREWELL = 5.0
"""Seconds beyond the time to drain that the last HTTP clients may take."""

REMEMBERED = 2000
"""Ended attempts from which fair shares are reckoned after a restart."""


class Setup(msgspec.Struct, frozen=True):
    """What the command line found out before the loop runs."""

    loaded: Loaded
    files: Sequence[str]
    overrides: Sequence[str]
    env: Mapping[str, str]
    paths: Paths
    store: Store
    registry: Registry
    zygote: Zygote | None = None
    passed: Sequence[socket.socket] = ()
    notifier: Notifier = Notifier()
    watchdog_interval: float = 0.0


class Daemon:
    """One labd. Building it touches nothing outside; :meth:`run` is its life."""

    def __init__(self, setup: Setup) -> None:
        config = setup.loaded.config
        self.setup = setup
        self.clock = SystemClock()
        self.store = setup.store
        first, last = self.store.read(eventlog.bounds)
        self.bus = Bus(last, self._older_events, first)
        self.queue = Queue(self.store, self.bus, self.clock, attempts.last_job(setup.paths.state))
        self.queue.load()
        self.ledger = Ledger(machine(config.resources.cores, config.resources.memory))
        self.watcher = Watcher(self._rescan)
        self.reports = Reports(self.watcher, self._reported)
        self.launcher = Launcher(setup.zygote)
        self.follower = Follower(self.queue, self.watcher, self.reports, self.clock, self._folder)
        blobs, turn = Blobs(os.path.join(setup.paths.state, "blobs")), trio.CapacityLimiter(1)
        self.blobs, self.user_blobs = NodeBlobs(blobs, turn), UserBlobs(blobs, self.store, turn)
        self.runner = Runner(
            self.queue,
            self.ledger,
            self.launcher,
            self.follower,
            self.clock,
            self._folder,
            self._surroundings,
            Trees(os.path.join(setup.paths.state, "unpacked"), blobs),
        )
        self.uploads = Uploads(os.path.join(setup.paths.state, "uploads"), self.user_blobs)
        self.code = FrozenCode(self.user_blobs)
        self.leases = Leases(self.ledger, self.runner.kick)
        self.gpus = self._gpu_watch(config.resources)
        self.runner.remember(self.store.read(lambda conn: table.past_attempts(conn, REMEMBERED)))
        self.workers = WorkerHouse(NodeResources(self.leases), self._worker_changed, self._worker_groups)
        self.dispatcher = Dispatcher()
        self.boundary = setup.registry.boundary
        self.wiring = Wiring(self.boundary, self.dispatcher)
        self.models = ModelDesk(self.wiring.loaders)
        self.desk = Desk(
            self.store, self.queue, self.runner, self.ledger, self.reports, self.watcher, self.clock,
            setup.paths.state, self.wiring.kinds, TaskLines(Items(blobs), self.user_blobs),
        )  # fmt: skip
        counter = Counter(self.store, setup.paths.state, blobs, [partial(blobs_of, blobs=blobs)])
        things = Things(self.store, self.queue, counter, blobs)
        self.collector = Collector(things, setup.paths.state, self.clock, self._collected)
        self.sweeper = Sweeper(self.collector, self.clock)
        self.epoch = epoch_of(self.store)
        own_up(self.store, self.queue, self.clock, self._folder)
        self.notices = Notices(
            self.store, self.queue, self.bus, self.clock, Senders(self.wiring.notifiers),
            Origin(socket.gethostname(), self.epoch),
        )  # fmt: skip
        self.spans = Spans(self.store, self.bus, SpanOrigin(socket.gethostname(), version(), self.epoch))
        self.web = Web(self)
        self.control = Control(self)
        self.sampler = Sampler(self.bus, self.control.publish_sample, (setup.paths.state, "/", "/tmp"))
        self.plugins = Switchboard(
            setup.registry, self.wiring, self._node, setup.loaded, find=plugins.find,
            read=self.control.read, tell=self._tell, stopping=lambda: self.control.stopping,
        )  # fmt: skip
        self.strictness = Strictness(setup.registry)
        self.server = Server(self._sockets(), self._identify, self._connection, config.wire.max_connections)
        self.stalls = StallWatch(self._stalled, config.daemon.stall_limit)
        self.boundary.held, self.boundary.failed = self.stalls.held, self.strictness.failed
        self.supervisor: Supervisor | None = None
        self.delegation: limits.Delegation | None = None

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
                    self._layers(),
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

    def _layers(self) -> list[Layer]:
        config = self.setup.loaded.config
        quick = Restart(stop_timeout=config.daemon.stop_timeout)
        patient = Restart(max_delay=5.0, burst=1_000_000, stop_timeout=config.daemon.stop_timeout)
        once = Restart(when="never", stop_timeout=config.daemon.stop_timeout)
        prove = Watchdog(self.setup.notifier, self.setup.watchdog_interval, self.control.prove)
        snapshots = partial(
            run_snapshots, self.store, config.store.snapshot_interval, config.store.snapshots_kept
        )
        return [
            [Service("store", self.store.run, once, critical=True)],
            [
                Service(
                    "healer",
                    Healer(self.store, self._reload_queue, self.control.healed).run,
                    quick,
                    critical=True,
                ),
                Service("snapshots", snapshots, quick),
                Service("uploads", self.uploads.run, quick),
                Service("retention", self.sweeper.run, quick),
                Service("watchdog", prove.run, quick),
                Service("watcher", self.watcher.run, quick, critical=True),
                Service("launcher", self.launcher.run, quick, critical=True),
                Service("gpus", self.gpus.run, quick),
                Service("jobs", self.runner.run, once, critical=True),
                Service("notices", self.notices.run, patient),
                Service("workers", self.workers.run, quick, critical=True),
                Service("sampler", self.sampler.run, quick),
                Service("telemetry", self.spans.run, quick),
            ],
            list(self.setup.registry.services),  # the layer that Wiring starts more in
            [
                Service("server", self.server.run, once, critical=True),
                *self._web_service(config.http.drain_timeout),
            ],
        ]

    def _web_service(self, drain: float) -> list[Service]:
        policy = Restart(max_delay=5.0, burst=1_000_000, stop_timeout=drain + FAREWELL)
        return [Service("http", self.web.run, policy)] if self.web.enabled else []

    def _ready(self) -> None:
        self.plugins.up.set()
        self.control.started()
        self.setup.notifier.ready(self.control.status_line())

    # -- plugins ---------------------------------------------------------------------------------

    def _offer_methods(self) -> None:
        for method in (
            *JobMethods(self.desk, self.code).all(),
            *BlobMethods(self.user_blobs, self.uploads, self.desk, self.code).all(),
            *SystemMethods(self.control, self.dispatcher, self.store, self.bus).all(),
            *PluginMethods(self.plugins).all(),
            *NotifyMethods(self.notices).all(),
            *UsageMethods(self.store, self.clock).all(),
            *StoreMethods(self.collector).all(),
            *HttpMethods(self.web).all(),
        ):
            self.dispatcher.add(method)
        self._prepare_web()

    def _prepare_web(self) -> None:
        if self.web.enabled:
            self.dispatcher.called = self.web.meters.called
        self.web.prepare()
        self.web.answer([])
        self.wiring.on_routes = self.web.answer

    def _node(self, record: PluginRecord, settings: Any) -> PluginNode:
        plugin = record.name
        uid, gid = os.getuid(), os.getgid()
        owner = Peer(pid=os.getpid(), uid=uid, gid=gid, name=user_name(uid), role=Role.ADMIN)
        return PluginNode(
            plugin,
            settings,
            NodeJobs(self.desk, owner),
            NodeResources(self.leases),
            NodeEvents(plugin, self.queue, self.bus, self.clock, record.names),
            self.blobs,
            self.workers.of(plugin, logging.getLogger(f"labd.plugin.{plugin}")),
            self.clock,
            os.path.join(self.setup.paths.state, "plugins", plugin),
            self.models,
        )

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
            gone=self.uploads.gone,
        )

    async def _older_events(self, seq: int, limit: int) -> list[Any]:
        return await self.store.read_slow(lambda conn: eventlog.after(conn, seq, limit))

    def _folder(self, job: Job) -> str:
        return attempts.folder(self.setup.paths.state, job.id, job.attempt)

    async def _surroundings(self, job: Job) -> Surroundings:
        env = self.store.read(lambda conn: table.environment(conn, job.environment))
        whole = base_environment(job.user) | env | {"LABD_SOCKET": self.setup.paths.socket}
        return Surroundings(
            whole,
            runs_as(job.uid, job.gid, job.user),
            self.ledger.capacity.known,
            self.delegation.path if self.delegation else "",
            self.control.config.jobs.enforce_cpus,
            await self.desk.lines.of(job),
        )

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

    def _reload_queue(self) -> None:
        self.runner.recover(self.queue.load())

    def _rescan(self) -> None:
        """Events of the watcher were lost: look at every running attempt."""
        for job_id in [job.id for job in self.queue.live.values() if job.busy]:
            self.follower.settle(job_id)
