"""The services of the daemon, in layers: started from the first to the last, stopped the other way round."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from labd.api.services import Restart, Service
from labd.daemon.healing import Healer
from labd.daemon.layers import Layer
from labd.daemon.notify import Watchdog
from labd.daemon.web.off import NoWeb
from labd.store.keeping import run_snapshots

if TYPE_CHECKING:
    from labd.daemon.app import Daemon

FAREWELL = 5.0
"""Seconds beyond the time to drain that the last HTTP clients may take."""


def layers(daemon: Daemon) -> list[Layer]:
    """Store; what keeps it and runs jobs; services of plugins; what lets clients in."""
    once = Restart(when="never", stop_timeout=_patience(daemon))
    return [
        [Service("store", daemon.store.run, once, critical=True)],
        [*_keeping(daemon), *_working(daemon), *_telling(daemon)],
        list(daemon.setup.registry.services),  # the layer that Wiring starts more in
        [Service("server", daemon.server.run, once, critical=True), *_web(daemon)],
    ]


def _patience(daemon: Daemon) -> float:
    return daemon.setup.loaded.config.daemon.stop_timeout


def _keeping(daemon: Daemon) -> list[Service]:
    quick, kept = Restart(stop_timeout=_patience(daemon)), daemon.setup.loaded.config.store
    healer = Healer(daemon.store, daemon.reload_queue, daemon.control.healed)
    prove = Watchdog(daemon.setup.notifier, daemon.setup.watchdog_interval, daemon.control.prove)
    snapshots = partial(run_snapshots, daemon.store, kept.snapshot_interval, kept.snapshots_kept)
    return [
        Service("healer", healer.run, quick, critical=True),
        Service("snapshots", snapshots, quick),
        Service("uploads", daemon.uploads.run, quick),
        Service("retention", daemon.sweeper.run, quick),
        Service("watchdog", prove.run, quick),
    ]


def _working(daemon: Daemon) -> list[Service]:
    quick = Restart(stop_timeout=_patience(daemon))
    once = Restart(when="never", stop_timeout=_patience(daemon))
    return [
        Service("watcher", daemon.watcher.run, quick, critical=True),
        Service("launcher", daemon.launcher.run, quick, critical=True),
        Service("shims", daemon.shims.run, quick, critical=True),
        Service("gpus", daemon.gpus.run, quick),
        Service("jobs", daemon.runner.run, once, critical=True),
    ]


def _telling(daemon: Daemon) -> list[Service]:
    quick = Restart(stop_timeout=_patience(daemon))
    patient = Restart(max_delay=5.0, burst=1_000_000, stop_timeout=_patience(daemon))
    return [
        Service("notices", daemon.notices.run, patient),
        Service("workers", daemon.workers.run, quick, critical=True),
        Service("sampler", daemon.sampler.run, quick),
        Service("telemetry", daemon.spans.run, quick),
    ]


def _web(daemon: Daemon) -> list[Service]:
    if isinstance(daemon.web, NoWeb):
        return []
    drain = daemon.setup.loaded.config.http.drain_timeout
    policy = Restart(max_delay=5.0, burst=1_000_000, stop_timeout=drain + FAREWELL)
    return [Service("http", daemon.web.run, policy)]
