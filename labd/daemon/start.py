"""From a command line to a running daemon: configuration, lock, store, plugins, and then the loop.

The store is checked in a thread, which takes long when it is large. Meanwhile the rest is imported.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from labd import paths as places
from labd.config import Loaded, check_plugin, find_files, load
from labd.daemon import lock, logs
from labd.daemon.backup.place import refuse_half
from labd.daemon.meanwhile import Meanwhile
from labd.errors import InternalError, LabdError
from labd.jobs.attempts import evidence
from labd.jobs.shim.spawn import Zygote
from labd.store import connect
from labd.store.opening import open_file
from labd.store.schema import MIGRATIONS

if TYPE_CHECKING:
    from labd.daemon.registry import Registry
    from labd.daemon.setup import Setup

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
    refuse_half(paths.state)
    path = os.path.abspath(os.path.join(paths.state, "labd.db"))
    opened = Meanwhile(
        partial(open_file, path, time.time(), MIGRATIONS, connect.writer, evidence(paths.state))
    )

    from labd.daemon import notify
    from labd.daemon.activation import take_sockets
    from labd.daemon.setup import Setup
    from labd.store.writer import Store

    registry = _plugins(loaded, safe)
    return Setup(
        loaded=loaded,
        files=files,
        overrides=overrides,
        env=env,
        paths=paths,
        store=Store.over(path, *opened.result()),
        registry=registry,
        zygote=zygote,
        passed=[passed.socket for passed in take_sockets()],
        notifier=notify.take_notifier(),
        watchdog_interval=notify.take_watchdog_interval(),
    )


def _plugins(loaded: Loaded, safe: bool) -> Registry:
    from labd.daemon import plugins
    from labd.daemon.plugin_choice import chosen
    from labd.daemon.registry import Registry

    settings = loaded.config.plugins
    registry = Registry(chosen(settings, safe=safe), strict=settings.strict)
    registry.load(plugins.find(), lambda name, struct: check_plugin(name, struct, loaded))
    return registry


def serve(setup: Setup) -> int:
    """Run the daemon; returns its exit code."""
    import trio

    from labd.daemon.app import Daemon

    daemon = Daemon(setup)
    gc.freeze()  # modules and what was loaded stay: no need to look through them again and again
    gc.enable()
    wrong: LabdError | None = None
    try:
        trio.run(daemon.run, instruments=[daemon.stalls])
    except* LabdError as group:
        wrong = first_of(group)
    if wrong is not None:  # raised inside the except* it would be in a group again
        raise wrong
    log.info("labd has stopped: %s", daemon.control.stop_reason)
    logging.shutdown()
    return 0


def first_of(group: BaseExceptionGroup[LabdError]) -> LabdError:
    """The first error in a group of groups."""
    for error in group.exceptions:
        return first_of(error) if isinstance(error, BaseExceptionGroup) else error
    return InternalError("an empty group of errors")
