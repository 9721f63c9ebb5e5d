"""The section ``[retention]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import Bytes, Seconds, seconds


class Retention(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long what has ended is kept. What is unfinished, and what ended within a day, always stays."""

    interval: Annotated[
        Annotated[float, seconds(1, 31_536_000)], Meta(description="How often old jobs are removed.")
    ] = 3600.0
    keep_jobs: Annotated[
        Seconds | None,
        Meta(description="Jobs go so long after their end, with their output. none: they stay for ever."),
    ] = 7_776_000.0
    keep_folders: Annotated[
        Seconds | None,
        Meta(description="Their output may go earlier, while they are still listed. none: with the jobs."),
    ] = None
    max_jobs: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000_000)],
        Meta(description="Ended jobs that are kept; each task of an array is one. 0: no limit."),
    ] = 1_000_000
    max_bytes: Annotated[
        Bytes,
        Meta(description="What their folders and the blobs they name may take together. 0: no limit."),
    ] = 0
    keep_events: Annotated[
        Seconds | None,
        Meta(description="Events that are about no job go after so long. Those of a job go with the job."),
    ] = 7_776_000.0
    max_events: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000_000)],
        Meta(description="So many of them are kept. 0: no limit."),
    ] = 1_000_000
