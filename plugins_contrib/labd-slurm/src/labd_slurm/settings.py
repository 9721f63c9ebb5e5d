"""What an admin, or whoever runs labd, says of the cluster."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

OURS = (
    "--array", "--chdir", "--cpus-per-task", "--error", "--export", "--export-file", "--gres", "--input",
    "--job-name", "--mem", "--no-requeue", "--nodes", "--ntasks", "--open-mode", "--output", "--parsable",
    "--requeue", "--test-only", "--time", "--uid", "--wait", "--wrap",
)  # fmt: skip
"""Options of sbatch that labd gives itself."""

Name = Annotated[str, Meta(pattern=r"^[\w.,@+-]*$", max_length=200)]
Option = Annotated[str, Meta(pattern=r"^--[a-z][a-z-]*(=[^\x00]*)?$", max_length=1000)]
Path = Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$", max_length=4096)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.slurm]``. Empty means: as Slurm has it.

    ``partition``, ``account`` and ``qos`` are where tasks go; ``options`` are further ones for sbatch, as in
    ``["--constraint=a100"]``. ``bin`` is the folder with sbatch, ``config`` what ``SLURM_CONF`` names,
    ``python`` the interpreter on the nodes.

    Seconds: the folders of tasks are looked at every ``look_every``, and Slurm is asked every ``ask_every``
    at most; a task that Slurm has not known for ``lost_after`` is handed over anew. ``task_seconds`` is
    how long a task should last at least, ``at_once`` how many tasks of a map Slurm has at a time.
    """

    partition: Name = ""
    account: Name = ""
    qos: Name = ""
    options: tuple[Option, ...] = ()
    bin: Path = ""
    config: Path = ""
    python: Path = ""
    look_every: Seconds = 1.0
    ask_every: Seconds = 10.0
    lost_after: Seconds = 60.0
    task_seconds: Seconds = 30.0
    at_once: Annotated[int, Meta(ge=1, le=100_000)] = 200

    def __post_init__(self) -> None:
        for option in self.options:
            if re.split("=", option)[0] in OURS:
                raise ValueError(f"options: {option} is for labd to say")
