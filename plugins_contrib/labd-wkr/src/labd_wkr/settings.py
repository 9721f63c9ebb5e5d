"""``[plugins.wkr]``: which models old clients find at which ports."""

from ipaddress import ip_network
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pair of ports for one model.

    *protocol* is what the status says: clients of either are served. *trust* are networks, such as
    ``10.1.0.0/16``, whose hosts are let in besides this one. *terminate*: whether the old command to stop
    the server stops labd. *timeout* (seconds) is for a request, *drain* for what is in work when labd stops.
    *message* is the most bytes of a request. *info* is added to the status.
    """

    port: PortNumber
    port_out: PortNumber
    protocol: Literal["obj", "numpy", "npy"] = "obj"
    trust: tuple[str, ...] = ()
    terminate: bool = False
    timeout: Seconds = 900.0
    drain: Seconds = 8.0
    message: Annotated[int, Meta(ge=1024, le=2**32)] = 256 * 2**20
    connections: Annotated[int, Meta(ge=1, le=100_000)] = 4096
    info: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.port == self.port_out:
            raise ValueError(f"port and port_out are both {self.port}; they are two ports")
        for network in self.trust:
            ip_network(network)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``models`` has a table of ports for each model's name."""

    models: dict[str, Door] = {}
