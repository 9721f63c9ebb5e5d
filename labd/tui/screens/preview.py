"""A job at length, kept up to date: asked for again when something happens to it."""

import asyncio
from typing import Any

from labd.errors import LabdError
from labd.tui.pictures.job import job_lines
from labd.tui.text import Line, line, wrapped
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

SETTLE = 0.12
"""Seconds that the cursor rests on a job before it is asked for."""


class Preview(Sheet):
    """What ``job.show`` and ``job.why`` say of one job."""

    def __init__(self, *, whole: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(self._picture, id=id, classes=classes)
        self.number = 0
        self.shown: dict[str, Any] | None = None
        self._whole = whole
        self._why: dict[str, Any] | None = None
        self._tasks: dict[str, Any] | None = None
        self._error: LabdError | None = None

    def show(self, number: int) -> None:
        """Show this job; 0 for none."""
        if number == self.number:
            return
        self.number, self.shown, self._error = number, None, None
        self.redraw()
        self.again()

    def again(self) -> None:
        """Ask again, soon."""
        if self.number:
            start(self, "preview", self._ask, self.number)

    async def _ask(self, number: int) -> None:
        await asyncio.sleep(SETTLE)
        try:
            await self._asked(number)
        except LabdError as error:
            self._error = error
        if number == self.number:
            self.redraw()

    async def _asked(self, number: int) -> None:
        call: Any = self.app.link.call  # type: ignore[attr-defined]
        self.shown = await call("job.show", {"job": number})
        job = self.shown["job"] if self.shown else {}
        self._why = (
            await call("job.why", {"job": number}) if job["state"] in ("queued", "blocked", "held") else None
        )
        self._tasks = await call("job.tasks", {"job": number, "limit": 200}) if job.get("tasks") else None
        self._error = None

    def _picture(self, width: int, height: int) -> list[Line]:
        if self._error is not None and self.shown is None:
            return wrapped(self._error.message, width, "bad")
        if self.shown is None:
            return [line(("", "dim"))]
        store, now = self.app.store, self.app.clock()  # type: ignore[attr-defined]
        row = store.jobs.get(self.number)
        fresh = {name: value for name, value in row.as_map().items() if value is not None} if row else {}
        shown = {**self.shown, "job": self.shown["job"] | fresh}
        return job_lines(shown, self._why, self._tasks, width, now, whole=self._whole)
