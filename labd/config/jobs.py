"""The section ``[jobs]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import Bytes, Seconds, seconds


class Jobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a job gets when it does not ask, and how many may wait."""

    default_cpus: Annotated[
        Annotated[float, Meta(ge=0, le=65_536)], Meta(description="Cores of a job that does not say.")
    ] = 1.0
    default_memory: Annotated[Bytes, Meta(description="Memory of a job that does not say. 0: none.")] = 0
    default_time_limit: Annotated[
        Seconds | None, Meta(description="How long a job that does not say may run. none: without end.")
    ] = None
    max_queued: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)],
        Meta(description="Jobs that may be unfinished at once; more are refused."),
    ] = 1_000_000
    max_queued_per_user: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)],
        Meta(description="The same for the jobs of one user."),
    ] = 1_000_000
    max_array_tasks: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)],
        Meta(description="Tasks that one array may have. An array counts as one unfinished job."),
    ] = 1_000_000
    enforce_cpus: Annotated[
        bool,
        Meta(
            description="Hold jobs to the cores that they asked for, where the control group allows. "
            "Memory is always held to."
        ),
    ] = False
    max_running_per_user: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000_000)],
        Meta(description="Jobs that one user may have running at once; more wait. 0: no limit."),
    ] = 0
    max_cpus_per_user: Annotated[
        Annotated[float, Meta(ge=0, le=65_536)], Meta(description="Cores that they may hold. 0: no limit.")
    ] = 0.0
    max_gpus_per_user: Annotated[
        Annotated[int, Meta(ge=0, le=1024)], Meta(description="GPUs that they may hold. 0: no limit.")
    ] = 0
    groups: Annotated[
        dict[str, Annotated[int, Meta(ge=1, le=1_000_000)]],
        Meta(description="How many jobs of each group (labctl submit --group) may run at once."),
    ] = msgspec.field(default_factory=dict)
    max_upload: Annotated[
        Bytes, Meta(description="The most bytes that a client may send as one file; more is refused.")
    ] = 2**30
    max_snapshot: Annotated[
        Bytes, Meta(description="The most bytes of one tree of frozen code (labctl submit --snapshot).")
    ] = 2**30
    snapshot_groups: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=200)]],
        Meta(description="Groups whose jobs freeze their code without being asked to."),
    ] = msgspec.field(default_factory=list)
    kill_grace: Annotated[
        Annotated[float, seconds(0, 86_400)],
        Meta(description="Time between SIGTERM and SIGKILL for a job that does not say."),
    ] = 10.0
