"""The files of one job: results, errors, log."""

from typing import Any, NamedTuple

from labd.dljob import journal, names, ndjson
from labd.dljob.settings import Settings
from labd.dljob.timer import Timer


class Files(NamedTuple):
    """Paths; empty for what is not saved. With errors off they go where results go."""

    results: str
    errors: str
    log: str

    def prepare(self) -> None:
        """Make the folders. Raises OSError when something cannot be written."""
        for path in {self.results, self.errors} - {""}:
            journal.prepare(path)

    def save(self, results: list[Any], errors: list[Any]) -> None:
        """Append what one task gave, a line each; nothing at all when results are not saved."""
        for path, values in ((self.results, results), (self.errors or self.results, errors)):
            for value in values if self.results else ():
                journal.append(path, ndjson.dump(value))


def of(settings: Settings, name: str, timer: Timer, stamped: bool) -> Files:
    """The files of the job *name*, which began with *timer*; *stamped* is for results and errors."""
    when = timer.began
    stamp = when if stamped else None
    results = names.file_path(settings.results_dir, settings.save_results, name, stamp, "ndjson")
    errors = names.file_path(settings.errors_dir, settings.save_errors, name, stamp, "ndjson")
    log = names.file_path(settings.log_dir, settings.log, name, when, "log")
    return Files(results, errors if results else "", log)
