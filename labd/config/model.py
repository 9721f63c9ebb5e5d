"""Every setting of labd: its type, its range, its default and what it means.

The defaults here are the only ones; ``etc/labd.toml`` shows them and a test compares the two.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from labd.config.annotations import Bytes, Seconds, seconds, size
from labd.config.http import Http
from labd.config.notify import Notify
from labd.config.table import Table
from labd.config.telemetry import Telemetry

_RESTART = {"restart": True}
_ABSOLUTE = {"wanted": "an absolute path, or empty for the usual place"}
_PLUGIN = {"wanted": "a plugin's name, or a pattern such as lab-*"}
_WHO = {"wanted": 'a user name, "@group" or "*"'}

AbsolutePath = Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$", max_length=4096, extra=_ABSOLUTE)]
SocketPath = Annotated[
    str,
    Meta(
        pattern=r"^(/[^\x00]*)?$",
        max_length=107,
        extra={"wanted": "an absolute path of at most 107 characters, or empty for the usual place"},
    ),
]
Who = Annotated[str, Meta(pattern=r"^(\*|@?[^\s@*:,]+)$", max_length=256, extra=_WHO)]
PluginName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9*?\[][A-Za-z0-9._*?\[\]-]*$", extra=_PLUGIN)]
Index = Annotated[int, Meta(ge=0, le=1023)]


class Daemon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the daemon keeps things, how it logs, and how long it waits for its parts."""

    state_dir: Annotated[
        AbsolutePath,
        Meta(
            description="What must survive: the store and the folders of jobs. Empty: $STATE_DIRECTORY, "
            "/var/lib/labd for root, else $XDG_STATE_HOME/labd.",
            extra=_RESTART,
        ),
    ] = ""
    runtime_dir: Annotated[
        AbsolutePath,
        Meta(
            description="What need not survive a reboot. Empty: $RUNTIME_DIRECTORY, /run/labd for root, "
            "else $XDG_RUNTIME_DIR/labd.",
            extra=_RESTART,
        ),
    ] = ""
    socket: Annotated[
        SocketPath,
        Meta(description="Where clients connect. Empty: labd.sock in runtime_dir.", extra=_RESTART),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least important message that is still logged."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "human", "json", "journal"],
        Meta(
            description="auto: the journal under systemd, human on a terminal, JSON lines elsewhere.",
            extra=_RESTART,
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
            extra=_RESTART,
        ),
    ] = 10.0


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


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database in the state directory."""

    snapshot_interval: Annotated[
        Annotated[float, seconds(1, 31_536_000)],
        Meta(description="How often a copy is made, from which a damaged store is restored.", extra=_RESTART),
    ] = 3600.0
    snapshots_kept: Annotated[
        Annotated[int, Meta(ge=1, le=1000)],
        Meta(description="How many of these copies are kept.", extra=_RESTART),
    ] = 3


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


class Wire(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits for clients."""

    max_connections: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)],
        Meta(description="Clients connected at once, half of them of one user. Admins are never refused."),
    ] = 512
    max_frame: Annotated[
        Annotated[int, size(2**16, 2**30)], Meta(description="The longest message that a client may send.")
    ] = 4 * 2**20
    max_requests: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)],
        Meta(description="Requests of one connection in work at once; more are refused."),
    ] = 64
    send_timeout: Annotated[
        Annotated[float, seconds(0.1, 86_400)],
        Meta(description="A client that takes nothing for so long is disconnected."),
    ] = 30.0


class Plugins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plugins are loaded, and one table [plugins.NAME] with the settings of each."""

    enabled: Annotated[
        list[PluginName],
        Meta(description="Only these plugins are loaded. Empty: all that are installed."),
    ] = msgspec.field(default_factory=list)
    disabled: Annotated[
        list[PluginName],
        Meta(description="These are not loaded, even when they are enabled."),
    ] = msgspec.field(default_factory=list)
    strict: Annotated[
        bool,
        Meta(
            description="For authors: whatever a plugin does wrong ends labd with an error; jobs go on. The "
            "same as labd --strict-plugins."
        ),
    ] = False
    settings: dict[str, Table] = msgspec.field(default_factory=dict, name="*")


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of labd. Every setting may be left out."""

    daemon: Daemon = Daemon()
    access: Access = Access()
    resources: Resources = Resources()
    jobs: Jobs = Jobs()
    store: Store = Store()
    retention: Retention = Retention()
    wire: Wire = Wire()
    http: Http = Http()
    notify: Notify = Notify()
    telemetry: Telemetry = Telemetry()
    plugins: Plugins = Plugins()
