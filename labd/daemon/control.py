"""Steering the daemon: status, reload, stop, and saying what happened to it."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from labd.api.node import Event
from labd.api.services import ServiceState
from labd.config import Config, Loaded, changed_needing_restart, load
from labd.daemon.identity import identity
from labd.daemon.peers import forget_names
from labd.daemon.rebuilding import acknowledge, sentences
from labd.daemon.service_record import ServiceRecord
from labd.daemon.tracer import Tracer
from labd.errors import StoreUnavailable
from labd.jobs.decide import Draft
from labd.jobs.queue import Limits
from labd.jobs.retention import Limits as Kept
from labd.jobs.schedule import Quota
from labd.resources.probe import machine

if TYPE_CHECKING:
    from labd.daemon.app import Daemon
    from labd.daemon.doctor import Check

log = logging.getLogger("labd")

EXTRA = 30.0
"""Seconds that systemd grants beyond the draining, for stopping layer by layer."""

TROUBLE = (ServiceState.BACKOFF, ServiceState.FAILED)


class Control:
    """What an admin, a signal or systemd can ask of a running daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._loaded = daemon.setup.loaded
        self._began = daemon.clock.boot()
        self._examining = trio.Lock()
        self._shift_then = self._shift()
        self.life = trio.CancelScope()
        self._asked = trio.Event()
        self._patience = trio.CancelScope()
        self._drain: float | None = None
        self.stop_reason = "labd is stopping"
        self._tracer = Tracer(daemon.boundary)
        self._apply(self.config)

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._loaded.config

    @property
    def stopping(self) -> str:
        """Why labd is stopping, or nothing."""
        return self.stop_reason if self._asked.is_set() else ""

    # -- starting and stopping -------------------------------------------------------------------

    def started(self) -> None:
        """Everything is up."""
        self._record("daemon.started", {"pid": os.getpid(), **identity(self._daemon.epoch)})
        log.info("labd is ready at %s: %s", self._daemon.setup.paths.socket, self.status_line())

    def stop(self, reason: str, drain: float | None = None) -> None:
        """Take nothing new and start nothing new; :meth:`see_off` does the rest.

        Running jobs may take *drain* seconds (None: what the configuration says). Asked again, only a new
        *drain* counts.
        """
        self._drain = self._drain if drain is None else drain
        if self._asked.is_set():
            if drain is not None:
                self._patience.deadline = trio.current_time() + drain
            return
        self.stop_reason = reason
        self._daemon.desk.intake.refusal = "labd is stopping"
        self._daemon.runner.draining = True
        self._daemon.setup.notifier.stopping(reason)
        self._record("daemon.stopping", {"reason": reason})
        self._asked.set()

    async def see_off(self) -> None:
        """Once asked to stop: let running jobs end as long as the configuration says, then stop."""
        await self._asked.wait()
        with self._patience:
            drain = self.config.daemon.drain_timeout if self._drain is None else self._drain
            self._patience.deadline = trio.current_time() + drain
            self._daemon.setup.notifier.extend_timeout(drain + EXTRA)
            await self._daemon.queue.wait_idle()
        self.life.cancel(reason=self.stop_reason)

    def hurry(self, reason: str) -> None:
        """Somebody asked a second time."""
        self._patience.cancel(reason=reason)
        self._daemon.web.hurry()
        if self._daemon.supervisor is not None:
            self._daemon.supervisor.hurry()

    def stuck(self, names: tuple[str, ...]) -> None:
        """Some service cannot be stopped: end the process, everything else is closed by now."""
        log.critical("%s cannot be stopped; leaving without waiting", ", ".join(names))
        logging.shutdown()
        os._exit(1)

    # -- configuration ---------------------------------------------------------------------------

    async def reload(self) -> dict[str, list[str]]:
        """Read the configuration again; all of it is checked before any of it counts.

        Returns the changed settings that need a restart, and the plugins that changed. Raises ConfigErrors,
        PluginError; then nothing is changed.
        """
        notifier = self._daemon.setup.notifier
        notifier.reloading()
        try:
            loaded = await self.read()
            async with self._daemon.plugins.reconfiguring(loaded) as plan:
                waiting = changed_needing_restart(self.config, loaded.config)
                self._loaded = loaded
                self._apply(loaded.config)
                self._daemon.stalls.limit = loaded.config.daemon.stall_limit
                self._daemon.server.max_connections = loaded.config.wire.max_connections
        finally:
            notifier.ready(self.status_line())
        self._record("daemon.reloaded", {"needs_restart": waiting, "plugins": plan.names})
        log.info("configuration reloaded%s", f"; {', '.join(waiting)} need a restart" if waiting else "")
        return {"needs_restart": waiting, "plugins": plan.names}

    async def read(self) -> Loaded:
        """What the files, the variables and the options say now; it is not in force. Raises ConfigErrors."""
        setup = self._daemon.setup
        return await trio.to_thread.run_sync(
            partial(load, list(setup.files), dict(setup.env), list(setup.overrides))
        )

    def _apply(self, config: Config) -> None:
        forget_names()
        daemon = self._daemon
        logging.getLogger().setLevel(config.daemon.log_level.upper())
        daemon.queue.limits = Limits(config.jobs.max_queued, config.jobs.max_queued_per_user)
        daemon.desk.intake.defaults = config.jobs
        daemon.uploads.limit = config.jobs.max_upload
        daemon.desk.intake.targets = config.notify.targets
        daemon.notices.configure(config.notify)
        daemon.spans.configure(config.telemetry)
        daemon.code.limit = config.jobs.max_snapshot
        daemon.runner.line.quota = Quota(
            config.jobs.max_running_per_user,
            config.jobs.max_cpus_per_user,
            config.jobs.max_gpus_per_user,
            config.jobs.groups,
        )
        daemon.sweeper.interval = config.retention.interval
        daemon.collector.limits = Kept(*(getattr(config.retention, name) for name in Kept._fields))
        resources = config.resources
        daemon.ledger.capacity = machine(resources.cores, resources.memory)
        daemon.gpus.configure(resources)
        daemon.web.configure(config.http, config.access)
        daemon.runner.kick()

    # -- looking ---------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What ``labctl status`` shows above the jobs."""
        daemon = self._daemon
        records = daemon.supervisor.records if daemon.supervisor else ()
        return identity(daemon.epoch) | {
            "state": "stopping" if self._asked.is_set() else "running",
            "uptime": daemon.clock.boot() - self._began,
            "state_dir": daemon.setup.paths.state,
            "socket": daemon.setup.paths.socket,
            "config": list(daemon.setup.files),
            "jobs": daemon.desk.counts(),
            "resources": daemon.ledger.statistics(),
            "store": daemon.store.statistics(),
            "repair": daemon.store.repair,
            "services": [record.describe() for record in records],
            "plugins": daemon.setup.registry.statistics()._asdict(),
            "connections": {
                "now": daemon.server.connections,
                "served": daemon.server.served,
                "refused": daemon.server.refused,
            },
            "events": daemon.bus.statistics(),
            "stalls": daemon.stalls.statistics()._asdict(),
            "trouble": self.trouble(),
        }

    def trouble(self) -> list[str]:
        """What an admin should look at, one line each."""
        daemon = self._daemon
        lines = []
        store = daemon.store.statistics()
        if store.state == "failed":
            lines.append(f"the store has failed, new work is refused: {store.cause}")
        if (repair := daemon.store.repair) is not None:
            lines += [*sentences(repair), acknowledge(daemon.store)]
        if daemon.queue.unreadable:
            lines.append(
                f"the records of jobs {daemon.queue.unreadable[:5]} cannot be read; they are left alone"
            )
        if self._asked.is_set():
            lines.append(f"labd is stopping: {self.stop_reason}")
        lines += daemon.web.trouble()
        lines += [device.trouble for device in daemon.ledger.capacity.known if device.trouble]
        records = daemon.supervisor.records if daemon.supervisor else ()
        lines += [
            f"service {r.name} is {r.state.value}: {r.last_error}" for r in records if r.state in TROUBLE
        ]
        plugins = daemon.setup.registry.records
        return lines + [
            f"plugin {p.name} {p.state}: {p.error}" for p in plugins if p.state in ("failed", "incompatible")
        ]

    def not_ready(self) -> list[str]:
        """Why labd is to be given no work now; none when it takes some."""
        reasons = [f"labd is stopping: {self.stop_reason}"] if self._asked.is_set() else []
        return reasons + (["the store has failed"] if self._daemon.store.failed else [])

    def status_line(self) -> str:
        """One line for ``systemctl status``."""
        live = [job for job in self._daemon.queue.live.values() if job.live]
        busy = sum(job.busy for job in live)
        return f"{busy} job{'' if busy == 1 else 's'} running, {len(live) - busy} waiting"

    async def doctor(self) -> list[Check]:
        """Every check of the doctor. One examination at a time: they read and write the disk."""
        from labd.daemon.examination import examine  # what only this needs, the start need not import

        async with self._examining:
            return await examine(self._daemon, self._shift() - self._shift_then)

    def _shift(self) -> float:
        """Wall clock less boot clock, in seconds: it changes when somebody sets the clock."""
        return self._daemon.clock.wall() - self._daemon.clock.boot()

    async def prove(self) -> None:
        """Show that the loop turns and that the store answers; raises when it does not.

        A store that is known to be out of order has answered: being killed would not heal it.
        """
        try:
            await self._daemon.store.write(lambda conn: None)
        except StoreUnavailable:
            if not self._daemon.store.failed:
                raise

    # -- telling ---------------------------------------------------------------------------------

    def service_changed(self, record: ServiceRecord, old: ServiceState) -> None:
        """The supervisor says that a service is in another state."""
        if record.state in TROUBLE or old in TROUBLE:
            self._record(f"service.{record.state.value}", record.describe())
        self._daemon.strictness.service_changed(record)
        self._tracer.service_changed(record, old)

    def healed(self, cause: str, seconds: float) -> None:
        """The healer says that the store works again."""
        self._record("store.healed", {"cause": cause, "seconds": round(seconds, 3)})

    def publish_sample(self, kind: str, data: dict[str, Any]) -> None:
        """Say what nobody hears who did not ask for it by name."""
        self._daemon.bus.publish_sample(Event(0, self._daemon.clock.wall(), kind, "labd", "", data))

    def publish_transient(self, kind: str, data: dict[str, Any]) -> None:
        """Tell listeners something that is not kept."""
        self._daemon.bus.publish_transient(Event(0, self._daemon.clock.wall(), kind, "labd", "", data))

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._daemon.queue.record([Draft(kind, data)])
