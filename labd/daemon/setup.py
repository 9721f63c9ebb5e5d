"""What there is before the loop runs."""

import socket
from collections.abc import Mapping, Sequence

import msgspec

from labd.config import Loaded
from labd.daemon.notify import Notifier
from labd.daemon.registry import Registry
from labd.jobs.shim.spawn import Zygote
from labd.paths import Paths
from labd.store.writer import Store


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
