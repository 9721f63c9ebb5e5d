"""The section ``[daemon]``."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.config.annotations import seconds
from labd.config.kinds import RESTART, AbsolutePath, SocketPath


class Daemon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the daemon keeps things, how it logs, and how long it waits for its parts."""

    state_dir: Annotated[
        AbsolutePath,
        Meta(
            description="What must survive: the store and the folders of jobs. Empty: $STATE_DIRECTORY, "
            "/var/lib/labd for root, else $XDG_STATE_HOME/labd.",
            extra=RESTART,
        ),
    ] = ""
    runtime_dir: Annotated[
        AbsolutePath,
        Meta(
            description="What need not survive a reboot. Empty: $RUNTIME_DIRECTORY, /run/labd for root, "
            "else $XDG_RUNTIME_DIR/labd.",
            extra=RESTART,
        ),
    ] = ""
    socket: Annotated[
        SocketPath,
        Meta(description="Where clients connect. Empty: labd.sock in runtime_dir.", extra=RESTART),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important message that is still logged."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "human", "json", "journal"],
        Meta(
            description="auto: the journal under systemd, human on a terminal, JSON lines elsewhere.",
            extra=RESTART,
        ),
    ] = "auto"
    stall_limit: Annotated[
        Annotated[float, seconds(0.001, 3600)],
        Meta(description="A task that holds the daemon's loop for longer is named in the log."),
    ] = 0.1
    drain_timeout: Annotated[
        Annotated[float, seconds(0, 31_536_000)],
        Meta(
            description="How long running jobs may still take when labd is asked to stop; it starts no new "
            "ones meanwhile. Those that take longer run on without it."
        ),
    ] = 0.0
    stop_timeout: Annotated[
        Annotated[float, seconds(0, 86_400)],
        Meta(
            description="How long each layer may take to stop before it is cut off. Jobs run on.",
            extra=RESTART,
        ),
    ] = 10.0
