"""``DLJob``: one function over one or many arguments, here or in labd, with logs and results as files."""

from typing import Any

from labd.dljob import arguments, demands, files, settings, targets
from labd.dljob.helpers import flag
from labd.dljob.journal import Console, Journal
from labd.dljob.names import job_name
from labd.dljob.resources import choose
from labd.dljob.running import Running
from labd.dljob.timer import Timer
from labd.dljob.work import Target, Work


class DLJob:
    """A function by its name, its arguments, and where and how it runs.

    Only *module_name* is needed; what is None comes from ``dl_jobs.config.yaml`` in the current folder.
    *args_list* makes several tasks: a list (each element is the one argument of a task), a number, a range,
    or the path of a file of ndjson. Without it there is one task, with ``args=[...]`` and ``kwargs={...}``,
    and what else is given. *platform_job* runs it in labd rather than here. *save_results*, *save_errors* and
    *log* are true, false or a file's name. *task_kwargs* are limits: ``memory``, ``task_timeout``,
    ``maximum_concurrency``, ``retry_count``.

    ``console`` and ``target`` may be set before the run.
    Raises UsageError for what cannot be, ConfigError for the file.
    """

    def __init__(
        self, module_name: str, method_name: str = "task", cpu_job: Any = None, cpu_image: str | None = None,
        gpu_image: str | None = None, args_list: Any = None, modules: Any = None, requirements: Any = None,
        data: Any = None, cpus: float | None = None, gpus: int | None = None, platform_job: Any = False,
        name: str | None = None, noisy: Any = True, grouped_results: Any = False, save_results: Any = None,
        save_errors: Any = None, results_dir: str | None = None, errors_dir: str | None = None,
        results_timestamp: Any = True, log: Any = None, log_dir: str | None = None,
        task_kwargs: dict[str, Any] | None = None, *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        given = {
            "cpu_job": cpu_job, "cpu_image": cpu_image, "gpu_image": gpu_image, "cpus": cpus, "gpus": gpus,
            "save_results": save_results, "save_errors": save_errors, "results_dir": results_dir,
            "errors_dir": errors_dir, "log": log, "log_dir": log_dir,
        }  # fmt: skip
        self._stamped, self.grouped_results = flag(results_timestamp), flag(grouped_results)
        self.timer = Timer()
        self.timer.start()
        self.settings = settings.changed(settings.load(), {k: v for k, v in given.items() if v is not None})
        self.module_name, self.method_name = module_name, method_name
        self.platform_job, self.noisy = flag(platform_job), flag(noisy)
        self.resources = choose(
            self.settings.cpu_job, self.settings.gpus, self.settings.cpu_image, self.settings.gpu_image
        )
        self.name = name or job_name(f"{module_name}.{method_name}", self.timer.began, self.platform_job)
        self._args_list, self._args, self._kwargs = args_list, args, kwargs
        self.data = demands.texts("data", data)
        """Files of the project that tasks read: labd runs them in the project's folder, where they are."""
        self._needs = {
            "modules": demands.texts("modules", modules), "requirements": demands.requirements(requirements),
            **demands.limits(task_kwargs or {}),
        }  # fmt: skip
        self.console: Console = Console()
        self.target: Target | None = None
        self._running: Running | None = None

    def run(self) -> Any:
        """Run all tasks and save what they give; what a single task here returned. Raises LabdError."""
        return self.start().finish()

    def start(self) -> Running:
        """Begin all tasks; the caller calls ``finish``. Raises LabdError for what cannot begin."""
        found = files.of(self.settings, self.name, self.timer, self._stamped)
        target = self.target or targets.of(self.settings, self.platform_job)
        journal = Journal(self.console, found.log, self.noisy, self.settings.suppress)
        self._running = Running(self._work(), found, journal, self.timer, self.grouped_results)
        self._running.start(target, self.resources)
        return self._running

    def print_logs(self) -> None:
        """Print what each task of the last run printed, unless that was seen as it happened."""
        for line in self._running.log_lines() if self._running else ():
            self.console.talk(line)

    def _work(self) -> Work:
        several = arguments.many(self._args_list) if self._args_list else None
        calls = several or arguments.one(self.module_name, self.method_name, self._args, self._kwargs)
        return Work(
            module=self.module_name, function=self.method_name, args_list=calls.args_list,
            kwargs_list=calls.kwargs_list, name=self.name, cpus=self.settings.cpus,
            gpus=self.resources.gpus, **self._needs,
        )  # fmt: skip
