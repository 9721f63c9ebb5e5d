"""labd from a Python program: maps of a function over many arguments, their results, and models.

::

    from labd.client import Client

    with Client() as labd:
        for result in labd.map(square, range(1000)):
            print(result)

Standard library and msgpack only. :mod:`labd.aio` is the same for asyncio.
"""

from labd.client.client import Client
from labd.client.executor import Executor
from labd.client.maps import Map
from labd.client.models import Model, Prediction
from labd.client.results import CallFailed, MapFailed, Result
from labd.errors import (
    Conflict,
    DeadlineExceeded,
    LabdError,
    NotFound,
    NotPermitted,
    Refused,
    Unreachable,
    UsageError,
)

__all__ = [
    "Client", "Map", "Model", "Prediction", "Result", "Executor", "CallFailed", "MapFailed",
    "LabdError", "UsageError", "Unreachable", "NotFound", "NotPermitted", "Conflict", "Refused",
    "DeadlineExceeded",
]  # fmt: skip
