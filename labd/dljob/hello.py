"""The jobs of ``run test``: each task gives back what it got."""

from typing import Any

from labd.dljob.decorators import as_json, expand_args
from labd.dljob.helpers import truthy, update_list
from labd.dljob.job import DLJob
from labd.errors import UsageError


@as_json
@expand_args
def return_args(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """The target: its arguments."""
    return {"args": args, "kwargs": kwargs}


def task(nb_jobs: str, options: dict[str, Any], /, *args: str, **kwargs: Any) -> DLJob:
    """*nb_jobs* tasks; ``platform``, ``cpu`` and ``gpus`` among the keywords say where. Raises UsageError."""
    count = _count(nb_jobs)
    base = {"args": [count, *args], "kwargs": kwargs, "options": options}
    calls: dict[str, Any] = {"args": [1], "kwargs": base}
    if count > 1:
        calls = {"args_list": update_list(base, range(count), "task_id")}
    return DLJob(
        module_name=__name__, method_name="return_args", modules=[__name__.partition(".")[0]], log=False,
        platform_job=truthy(kwargs.get("platform", False)), cpu_job=truthy(kwargs.get("cpu", True)),
        gpus=kwargs.get("gpus", 0), noisy=kwargs.get("noisy", True), **calls,
    )  # fmt: skip


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise UsageError(f"the number of jobs cannot be {text!r}", hint="write a whole number above zero")
    return int(text)
