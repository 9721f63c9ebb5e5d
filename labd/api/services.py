"""What a supervised service is: a coroutine function, and how to restart it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Literal

import msgspec


class ServiceState(StrEnum):
    """Where a service stands; ``failed`` and ``stopped`` are ends."""

    STARTING = "starting"
    READY = "ready"
    BACKOFF = "backoff"
    FAILED = "failed"
    STOPPED = "stopped"


class Restart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and how fast a service comes back, in systemd's words. Times are seconds.

    Delays double from ``first_delay`` to ``max_delay``, a random part of each is waited, and they begin
    anew after the service was ready for ``max_delay``. More than ``burst`` restarts within ``interval``
    make it ``failed``. It must be ready within ``start_timeout``, and has ``stop_timeout`` to end.
    """

    when: Literal["always", "on-failure", "never"] = "on-failure"
    first_delay: float = 0.5
    max_delay: float = 60.0
    burst: int = 5
    interval: float = 300.0
    start_timeout: float = 30.0
    stop_timeout: float = 10.0


class Service(msgspec.Struct, frozen=True):
    """A long-running part of the daemon or of a plugin.

    ``run`` is ``async def run(*, task_status)``: ready when it calls ``task_status.started()``, done
    when it returns, stopped by cancellation. The first attempt and each restart call it anew. Without
    ``started()`` it counts as failed after ``start_timeout``; never swallow ``trio.Cancelled``. A
    *critical* service that gives up stops the daemon; a plugin's services may not be critical. Of a
    plugin, ``name`` is the plugin's name, or starts with it and ``-``.
    """

    name: str
    run: Callable[..., Awaitable[None]]
    restart: Restart = Restart()
    critical: bool = False
