"""One run of a job: what its tasks give is said, counted and saved as it comes."""

from collections.abc import Iterator
from typing import Any

from labd.dljob import results
from labd.dljob.files import Files
from labd.dljob.journal import LOUD, RULE, Journal
from labd.dljob.resources import Chosen
from labd.dljob.results import Sorted
from labd.dljob.timer import Timer
from labd.dljob.work import Done, News, Said, Target, Work


class Running:
    """``tasks`` and ``failed`` count those that have ended; ``last`` is what the last one returned."""

    def __init__(self, work: Work, files: Files, journal: Journal, timer: Timer, grouped: bool) -> None:
        self.work, self.files, self._journal = work, files, journal
        self._timer, self._grouped = timer, grouped
        self._news: Iterator[News] = iter(())
        self._logs: dict[int, str] = {}
        self.tasks = self.failed = 0
        self.last: Any = None

    def start(self, target: Target, resources: Chosen) -> None:
        """Begin all tasks in *target*. Raises LabdError, OSError."""
        self.files.prepare()
        self._head(resources)
        self._news = target.run(self.work)

    def finish(self) -> Any:
        """Take in the ends of all tasks; what a single task returned. Raises LabdError, OSError."""
        self._journal.head("results")
        try:
            for news in self._news:
                self._hear(news)
        except BaseException as error:
            self._journal.item(f"interrupted after {self.tasks} tasks: {type(error).__name__}")
            raise
        self._timer.stop()
        self._tail()
        return self.last if len(self.work.args_list) == 1 else None

    def log_lines(self) -> list[str]:
        """What the tasks printed, with a header for each that did."""
        said = [(index, text) for index, text in sorted(self._logs.items()) if text.strip()]
        return [line for index, text in said for line in (f"logs[{index}]", RULE, *text.splitlines(), "")]

    @property
    def summary(self) -> dict[str, Any]:
        """Numbers and files of the run."""
        return {
            "job": self.work.name, "tasks": self.tasks, "failed": self.failed, "results": self.files.results,
            "errors": self.files.errors, "log": self.files.log, "duration": self._timer.duration(),
        }  # fmt: skip

    def _head(self, resources: Chosen) -> None:
        note = self._journal
        note.head("run")
        if resources.warning:
            note.warn(resources.warning)
        note.item(f"job: {self.work.name}")
        note.item(f"start: {self._timer.start()}")
        for what in ("log", "results", "errors"):
            if path := getattr(self.files, what):
                note.item(f"{what}: {path}")
        note.item(f"image: {resources.image}")
        note.item(f"tasks: {len(self.work.args_list)}")

    def _hear(self, news: News) -> None:
        if isinstance(news, Said):
            self._logs[news.task] = self._logs.get(news.task, "") + news.text
        else:
            self._take(news)

    def _take(self, done: Done) -> None:
        self.tasks += 1
        self.last = done.result
        found = self._sorted(done)
        self.failed += bool(found.errors)
        self.files.save(*found)
        for value in found.results:
            self._journal.result(done.task, value)
        for value in found.errors:
            self._wrong(done, value)

    def _sorted(self, done: Done) -> Sorted:
        call = list(self.work.args_list[done.task]), self.work.kwargs(done.task)
        if done.failure is not None:
            return Sorted([], [results.of_failure(done.task, done.failure, *call)])
        try:
            return results.sort(done.result, self._grouped)
        except TypeError as error:
            return Sorted([], [results.of_no_json(done.task, done.result, error, *call)])

    def _wrong(self, done: Done, value: Any) -> None:
        self._journal.error(done.task, value)
        if done.failure is not None and done.failure.traceback:
            for line in (LOUD, *done.failure.traceback.splitlines(), LOUD):
                self._journal.note(line)

    def _tail(self) -> None:
        self._journal.head("complete")
        self._journal.item(f"tasks: {self.tasks}, failed: {self.failed}")
        self._journal.item(f"duration: {self._timer.duration()}")
        self._journal.console.done(self.summary)
