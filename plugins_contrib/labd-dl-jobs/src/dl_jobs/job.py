"""``DLJob``, and ``run`` for programs that do what the command does."""

from collections.abc import Sequence
from typing import Any

from labd.dljob import commands
from labd.dljob.job import DLJob
from labd.dljob.journal import Console
from labd.dljob.words import Words

__all__ = ["DLJob", "run"]


def run(
    module_name: str,
    method_name: str = "task",
    args: Sequence[Any] = (),
    kwargs: dict[str, Any] | None = None,
    **options: Any,
) -> int:
    """Run the jobs that a method of the project makes: 0, or 1 when a task failed.

    *options* are those of ``dl_jobs run``: ``dev``, ``noisy``, ``print_logs``, ``cpu_job``, ``cpu_image``,
    ``gpu_image``. Raises labd.errors.LabdError.
    """
    words = Words([*args], dict(kwargs or {}))
    return commands.call(f"{module_name}.{method_name}", words, commands.Options(**options), Console())
