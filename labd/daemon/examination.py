"""What the doctor looks at in a running daemon. Imported when somebody asks: it is much."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from labd.daemon import doctor, machine_checks
from labd.daemon.doctor import Check
from labd.daemon.rebuilding import acknowledge

if TYPE_CHECKING:
    from labd.daemon.app import Daemon

Examined = Callable[[], Check]


async def examine(daemon: Daemon, drift: float) -> list[Check]:
    """Every check. *drift*: seconds that the wall clock was set by, since the start."""
    return await doctor.examine([*_of_store(daemon), *_of_machine(daemon, drift), *_of_daemon(daemon)])


def _of_store(daemon: Daemon) -> list[Examined]:
    store, state, config = daemon.store, daemon.setup.paths.state, daemon.control.config.store
    return [
        partial(doctor.store, store.statistics(), store.repair, acknowledge(store)),
        partial(machine_checks.integrity, store.path),
        partial(machine_checks.snapshots, store.path, config.snapshot_interval, daemon.clock.wall()),
        partial(machine_checks.copies, store.path),
        partial(doctor.disk, state),
        partial(doctor.fsync_speed, state),
    ]


def _of_machine(daemon: Daemon, drift: float) -> list[Examined]:
    return [
        doctor.sqlite_version,
        doctor.clock,
        machine_checks.synchronised,
        partial(machine_checks.drift, drift),
        machine_checks.versions,
        machine_checks.of_process,
        partial(doctor.descriptors, daemon.control.config.wire.max_connections),
    ]


def _of_daemon(daemon: Daemon) -> list[Examined]:
    web, enforced = daemon.web, daemon.control.config.jobs.enforce_cpus
    return [
        partial(doctor.http, web.enabled, web.urls, web.trouble()),
        partial(doctor.plugins, daemon.setup.registry.records),
        *(partial(doctor.gpu, gpu) for gpu in daemon.ledger.statistics().devices),
        partial(doctor.limits, daemon.delegation, enforced),
        doctor.sandbox,
        partial(machine_checks.telemetry, daemon.spans.endpoint, daemon.spans.statistics()),
    ]
