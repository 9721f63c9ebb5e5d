"""The section ``[access]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.kinds import Who


class Access(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may do what. Each role includes the ones before it; root and the daemon's user are always admin."""

    view: Annotated[list[Who], Meta(description="May see jobs, logs and events.")] = msgspec.field(
        default_factory=lambda: ["*"]
    )
    submit: Annotated[
        list[Who], Meta(description="May submit jobs, and hold, pause, cancel or retry their own.")
    ] = msgspec.field(default_factory=lambda: ["*"])
    operate: Annotated[
        list[Who], Meta(description="May do that with the jobs of everybody, and give priorities above 0.")
    ] = msgspec.field(default_factory=list)
    admin: Annotated[list[Who], Meta(description="May reload and stop the daemon, and manage plugins.")] = (
        msgspec.field(default_factory=list)
    )
