"""From a command line to a running daemon: configuration, lock, store, plugins, and then the loop."""

import logging
import os
from collections.abc import Mapping, Sequence

import trio

from labd import paths as places
from labd.config import Loaded, check_plugin, find_files, load
from labd.daemon import lock, logs, notify, plugins
from labd.daemon.activation import take_sockets
from labd.daemon.app import Daemon, Setup
from labd.daemon.rebuilding import evidence
from labd.daemon.registry import Choice, Registry
from labd.errors import InternalError, LabdError
from labd.jobs.shim.spawn import Zygote
from labd.store.writer import Store

log = logging.getLogger("labd")


def prepare(
    config: str | None, overrides: Sequence[str], env: Mapping[str, str], *, safe: bool, zygote: Zygote | None
) -> Setup:
    """Everything that can go wrong before there is a loop. Raises LabdError."""
    files = find_files(config, env)
    loaded = load(files, env, overrides)
    daemon = loaded.config.daemon
    paths = places.find(env, state=daemon.state_dir, runtime=daemon.runtime_dir, socket=daemon.socket)
    logs.setup(daemon.log_format, daemon.log_level)
    lock.hold(paths.state)
    return Setup(
        loaded=loaded,
        files=files,
        overrides=overrides,
        env=env,
        paths=paths,
        store=Store.open(os.path.join(paths.state, "labd.db"), evidence=evidence(paths.state)),
        registry=_plugins(loaded, safe),
        zygote=zygote,
        passed=[passed.socket for passed in take_sockets()],
        notifier=notify.take_notifier(),
        watchdog_interval=notify.take_watchdog_interval(),
    )


def _plugins(loaded: Loaded, safe: bool) -> Registry:
    chosen = loaded.config.plugins
    registry = Registry(Choice(frozenset(chosen.enabled), frozenset(chosen.disabled), safe))

    registry.load(plugins.find(), lambda name, struct: check_plugin(name, struct, loaded))
    return registry


def serve(setup: Setup) -> int:
    """Run the daemon; returns its exit code."""
    daemon = Daemon(setup)
    try:
        trio.run(daemon.run, instruments=[daemon.stalls])
    except* LabdError as group:
        raise first_of(group) from None
    log.info("labd has stopped: %s", daemon.control.stop_reason)
    logging.shutdown()
    return 0


def first_of(group: BaseExceptionGroup[LabdError]) -> LabdError:
    """The first error in a group of groups."""
    for error in group.exceptions:
        return first_of(error) if isinstance(error, BaseExceptionGroup) else error
    return InternalError("an empty group of errors")
