"""The section ``[resources]``."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.config.annotations import Bytes, seconds, size
from labd.config.kinds import AbsolutePath, Index


class Resources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ledger hands out."""

    cores: Annotated[
        Annotated[int, Meta(ge=1, le=65_536)] | Literal["auto"],
        Meta(description="Cores to hand out. auto: those that the daemon itself may use."),
    ] = "auto"
    memory: Annotated[
        Annotated[int, size(2**20)] | Literal["auto"],
        Meta(description="Memory to hand out. auto: what the machine, or the daemon's cgroup, has."),
    ] = "auto"
    gpus: Annotated[
        Annotated[list[Index], Meta(max_length=1024, extra={"unique": True})] | Literal["auto", "none"],
        Meta(description="GPUs to hand out, as a list of indices. auto: every one that the driver shows."),
    ] = "auto"
    gpu_memory: Annotated[
        Bytes, Meta(description="Memory of each GPU whose driver does not say how much it has. 0: not known.")
    ] = 0
    gpu_probe: Annotated[
        AbsolutePath,
        Meta(description="A program that lists the GPUs in place of labd, a JSON map a line. Empty: none."),
    ] = ""
    gpu_probe_interval: Annotated[
        Annotated[float, seconds(1, 86_400)], Meta(description="How often the drivers of GPUs are asked.")
    ] = 60.0
    gpu_probe_timeout: Annotated[
        Annotated[float, seconds(0.1, 600)],
        Meta(description="A GPU whose driver takes longer to answer is unhealthy: no new job gets it."),
    ] = 10.0
