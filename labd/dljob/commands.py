"""What ``run``, ``run config`` and ``run test`` do, for whoever reads the words."""

from dataclasses import dataclass
from typing import Any

from labd.dljob import hello, method, settings, targets, words
from labd.dljob.job import DLJob
from labd.dljob.journal import Console
from labd.dljob.settings import Settings
from labd.dljob.words import Words
from labd.errors import LabdError, UsageError

RESERVED = ("config", "test")
"""First words that are commands and no methods."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``run``; None is what nobody gave. *socket* is that of the daemon."""

    dev: bool | None = None
    noisy: bool | None = None
    print_logs: bool | None = None
    cpu_job: bool | None = None
    cpu_image: str | None = None
    gpu_image: str | None = None
    socket: str | None = None

    def over(self, found: Settings) -> Settings:
        """The settings with these options."""
        names = {"is_dev": self.dev} | {key: getattr(self, key) for key in _SHOWN[1:]}
        return settings.changed(found, {key: value for key, value in names.items() if value is not None})


_SHOWN = ("dev", "noisy", "print_logs", "cpu_job", "cpu_image", "gpu_image")


def run(name: str, given: list[str], options: Options, console: Console) -> int:
    """Make the jobs of a method and run them: 0, or 1 when a task failed. Raises LabdError."""
    return call(name, words.split(given), options, console)


def call(name: str, given: Words, options: Options, console: Console) -> int:
    """:func:`run`, for who has arguments and keywords already."""
    targets.find_modules()
    found = options.over(settings.load())
    jobs = method.jobs(name, given, found)
    if not jobs:
        console.talk(f"[WARNING] DLJob.run: no job found for {'.'.join(method.located(name, found))}")
    return run_all(jobs, found, options, console)


def test(given: list[str], options: Options, console: Console) -> int:
    """Jobs that give back what they got, a number of them: 0, or 1 when one failed. Raises LabdError."""
    split = words.split(given)
    if not split.args:
        raise UsageError("test needs a number of jobs", hint="as in: test 2 a b c hello=world")
    found = options.over(settings.load())
    shown = {"is_dev" if key == "dev" else key: key for key in _SHOWN}
    values = {name: getattr(found, key) for key, name in shown.items()}

    def task(nb_jobs: str, /, *args: str, **kwargs: Any) -> DLJob:
        return hello.task(nb_jobs, values, *args, **kwargs)

    return run_all(method.of_function(task, "test", split, found), found, options, console)


def config(given: list[str], force: bool, info: bool) -> tuple[Settings, str]:
    """Write the file of settings, or with *info* only look; the settings, and the path when it was written.

    Raises UsageError for an unknown setting, Conflict when there is a file and not *force*.
    """
    args, kwargs = words.split(given)
    if args:
        raise UsageError(f"config: {args[0]!r} is no setting", hint="write name=value, as in noisy=false")
    found = settings.changed(settings.load() if info else Settings(), kwargs)
    return found, "" if info else str(settings.generate(found, force))


def run_all(jobs: list[DLJob], found: Settings, options: Options, console: Console) -> int:
    """Begin all *jobs*, and take in the ends of one after the other. Raises what kept one from beginning."""
    wrong: list[LabdError] = []
    begun = []
    for job in jobs:
        try:
            begun.append((job, _prepared(job, found, options, console).start()))
        except LabdError as error:
            wrong.append(error)
    for job, running in begun:
        running.finish()
        if found.print_logs:
            job.print_logs()
    if wrong:
        raise wrong[0]
    return int(any(running.failed for _, running in begun))


def _prepared(job: DLJob, found: Settings, options: Options, console: Console) -> DLJob:
    job.console = console
    job.platform_job = job.platform_job and not found.is_dev
    job.noisy = job.noisy if options.noisy is None else options.noisy
    job.target = targets.of(found, job.platform_job, options.socket)
    return job
