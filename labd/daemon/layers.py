"""Layers of services: started from the outermost inwards, stopped from the innermost outwards.

A layer may rely on every layer before it, from its first to its last moment.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

import trio

from labd.api import Service, ServiceState
from labd.daemon.owner import LABD
from labd.daemon.service_record import ServiceRecord
from labd.daemon.supervisor import Supervisor

log = logging.getLogger("labd.supervisor")

Layer = Sequence[Service | tuple[str, Service]]
"""Services of labd itself, or ``(plugin, service)`` pairs."""

PATIENCE = 5.0
"""Seconds that a layer waits for services without which the daemon can do."""

UP = (ServiceState.READY, ServiceState.STOPPED, ServiceState.FAILED)


async def run_layers(
    supervisor: Supervisor,
    layers: Sequence[Layer],
    *,
    ready: Callable[[], None] = lambda: None,
    patience: float = PATIENCE,
    stop_reason: Callable[[], str] = lambda: "labd is stopping",
    stuck: Callable[[tuple[str, ...]], None] = lambda names: None,
) -> None:
    """Run *layers* until cancelled; call *ready* once, when all are up.

    The next layer starts when every critical service of this one is ready and the others are, or have
    had *patience* seconds. On cancellation, whatever its cause, each layer is cancelled with
    *stop_reason* and gets its longest ``stop_timeout`` to end; then it is the next one's turn. At the
    end *stuck* is told of services that still run: nothing in Python can end those but the process.
    """
    supervisor.shielding = True
    try:
        for number, layer in enumerate(layers):
            await wait_up([_start(supervisor, item, number) for item in layer], patience)
            await trio.lowlevel.checkpoint()  # a critical service that gave up has cancelled us
        ready()
        await trio.sleep_forever()
    finally:
        left: set[str] = set()
        for number in reversed(range(len(layers))):
            left.update(await _stop_layer(supervisor, number, left, stop_reason()))
        if names := tuple(record.name for record in supervisor.records if record.live):
            stuck(names)


def _start(supervisor: Supervisor, item: Service | tuple[str, Service], number: int) -> ServiceRecord:
    owner, service = (LABD, item) if isinstance(item, Service) else item
    return supervisor.start(service, owner, layer=number)


async def wait_up(records: Iterable[ServiceRecord], patience: float = PATIENCE) -> None:
    """Wait until the critical ones are up, and for the others at most *patience* seconds."""
    records = list(records)
    critical = [record for record in records if record.service.critical]
    others = [record for record in records if not record.service.critical]
    for record in critical:
        await record.wait_for(*UP)
    with trio.move_on_after(patience):
        for record in others:
            await record.wait_for(*UP, ServiceState.BACKOFF)


async def _stop_layer(supervisor: Supervisor, number: int, left: set[str], reason: str) -> tuple[str, ...]:
    inside = [record.name for record in supervisor.records if record.live and record.layer >= number]
    names = [name for name in inside if name not in left]
    if not names:
        return ()
    log.info("stopping %s: %s", ", ".join(names), reason)
    return await supervisor.stop(*names, reason=reason)
