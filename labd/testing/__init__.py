"""For tests of plugins: a node in memory, clients without a socket, services in virtual time.

Everything here stands on the daemon's own code; what is made up is only what would touch the machine:
the disk, the clock, the GPUs and the processes of jobs. The fixtures are in :mod:`labd.testing.plugin`,
which pytest loads by itself wherever labd is installed.

A name is imported when it is asked for: pytest loads this package in every project next to labd.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labd.testing.clock import Clock as Clock
    from labd.testing.devices import Devices as Devices
    from labd.testing.faulty import cut as cut
    from labd.testing.faulty import garbage as garbage
    from labd.testing.faulty import slow as slow
    from labd.testing.models import FakeModels as FakeModels
    from labd.testing.node import Node as Node
    from labd.testing.outcomes import Outcome as Outcome
    from labd.testing.plugged import check_plugin as check_plugin
    from labd.testing.rpc import client as client
    from labd.testing.services import RunningService as RunningService
    from labd.testing.services import run_service as run_service

_PLACES = {
    "Clock": "clock",
    "Devices": "devices",
    "FakeModels": "models",
    "Node": "node",
    "Outcome": "outcomes",
    "RunningService": "services",
    "check_plugin": "plugged",
    "client": "rpc",
    "cut": "faulty",
    "garbage": "faulty",
    "run_service": "services",
    "slow": "faulty",
}

__all__ = [
    "Clock", "Devices", "FakeModels", "Node", "Outcome", "RunningService", "check_plugin", "client",
    "cut", "garbage", "run_service", "slow",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
