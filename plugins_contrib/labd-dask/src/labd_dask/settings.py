"""``[plugins.dask]``, checked."""

import ipaddress
import os
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

USUAL = 64
"""Tasks of a map that a cluster is given at a time."""

MISSING = "nothing says where Dask is: set plugins.dask.embedded = true, .scheduler or .jobqueue"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which Dask: one of ``embedded`` (workers on this machine, for a first try), the address ``scheduler``,
    or ``jobqueue``, a class of dask-jobqueue. ``seconds`` is how long a task lasts at least.
    """

    embedded: bool = False
    workers: Annotated[int, Meta(ge=0, le=1000)] = 0
    scheduler: str = ""
    jobqueue: str = ""
    jobqueue_jobs: Annotated[int, Meta(ge=1, le=100_000)] = 10
    jobqueue_options: dict[str, Any] = {}
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    spool: Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$")] = ""
    user: str = ""
    python: Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$")] = ""
    cpu_resource: str = ""
    gpu_resource: str = ""
    seconds: Annotated[float, Meta(gt=0, le=86_400)] = 1.0
    at_once: Annotated[int, Meta(ge=0, le=100_000)] = 0

    def __post_init__(self) -> None:
        if self.embedded + bool(self.scheduler) + bool(self.jobqueue) > 1:
            raise ValueError("embedded, scheduler and jobqueue exclude each other")
        if 0 < sum(map(bool, (self.tls_ca, self.tls_cert, self.tls_key))) < 3:
            raise ValueError("tls_ca, tls_cert and tls_key go together")
        outside = bool(self.jobqueue) or bool(self.scheduler and not is_loopback(self.scheduler))
        if outside and not (self.tls_ca and (self.jobqueue or self.scheduler.startswith("tls://"))):
            raise ValueError(
                "off this machine Dask runs the code of whoever reaches it: that takes tls_ca, tls_cert,"
                " tls_key and, of a scheduler, an address that begins with tls://"
            )

    @property
    def missing(self) -> str:
        """Why there is no Dask, or nothing."""
        return "" if self.embedded or self.scheduler or self.jobqueue else MISSING

    @property
    def tasks(self) -> int:
        """How many tasks of a map Dask has at a time."""
        here = 2 * (self.workers or os.cpu_count() or 1)
        return self.at_once or (here if self.embedded else USUAL)

    def options(self) -> dict[str, Any]:
        """What the helper is told."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def environment(self) -> dict[str, str]:
        """What the helper finds: that of the daemon, since Dask and what it starts are configured by it."""
        return dict(os.environ)


def is_loopback(address: str) -> bool:
    """Whether *address*, as Dask writes it, is on this machine."""
    host = urlsplit(address if "://" in address else f"tcp://{address}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
