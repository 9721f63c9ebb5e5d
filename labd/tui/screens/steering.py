"""The keys that change jobs, for every page that shows some."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from labd.tui import verbs
from labd.tui.rows import JobRow
from labd.tui.screens.base import Page
from labd.tui.work import start


class Steering(Page):
    """A page with jobs to steer: those that :meth:`chosen` names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "output", "Log", id="jobs.log", tooltip="Show the output of the job"),
        Binding("m", "curves", "Curves", id="jobs.curves", tooltip="Draw what the job reported"),
        Binding(
            "i",
            "images",
            "Pictures",
            id="jobs.pictures",
            tooltip="Show pictures that the job made",
            show=False,
        ),
        Binding("c", "steer('cancel')", "Cancel", id="jobs.cancel", tooltip="Cancel the chosen jobs"),
        Binding("t", "steer('retry')", "Retry", id="jobs.retry", tooltip="Run the chosen jobs again"),
        Binding("h", "steer('hold')", "Hold", id="jobs.hold", tooltip="Keep the chosen jobs from starting"),
        Binding("H", "steer('release')", "Release", id="jobs.release", tooltip="Let the chosen jobs go"),
        Binding(
            "p", "steer('pause')", "Pause", id="jobs.pause", tooltip="Stop the chosen jobs where they are"
        ),
        Binding("P", "steer('resume')", "Resume", id="jobs.resume", tooltip="Let the chosen jobs go on"),
        Binding(
            "plus",
            "prioritise",
            "Priority",
            id="jobs.priority",
            tooltip="Give the chosen jobs a priority",
            key_display="+",
        ),
        Binding(
            "e",
            "steer('requeue')",
            "Requeue",
            id="jobs.requeue",
            tooltip="End the attempt, queue the job again",
        ),
        Binding("n", "submit", "New", id="jobs.submit", tooltip="Submit a new job"),
        Binding(
            "N",
            "submit_like",
            "New like this",
            id="jobs.submit-like",
            tooltip="Submit a job like this one",
            show=False,
        ),
    ]

    def chosen(self) -> list[JobRow]:
        """The jobs that are meant: those that are marked, else the one under the cursor."""
        raise NotImplementedError

    def states(self) -> set[str]:
        """The states of those jobs, or of the first of many."""
        return {row.state for row in self.chosen()}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what applies is offered."""
        if action in ("steer", "prioritise"):
            verb = verbs.VERBS[str(parameters[0]) if parameters else action]
            return not self.states().isdisjoint(verb.states)
        if action in ("output", "curves", "images", "submit_like"):
            return bool(self.states())
        return True

    def action_steer(self, name: str) -> None:
        """Do it, after asking where it cannot be taken back."""
        rows = self.chosen()
        deed = verbs.deed(name, rows)
        meant = [row for row in rows if row.state in deed.verb.states]
        if not meant:
            self.notify(f"{name} does not apply to what is chosen", severity="warning")
        elif deed.undo:
            self._do(deed, meant)
        else:
            self._ask(deed, meant)

    def action_prioritise(self) -> None:
        """Ask for a priority, then give it."""
        from labd.tui.screens.confirm import Number

        rows = [row for row in self.chosen() if row.state in verbs.VERBS["prioritise"].states]
        if not rows:
            self.notify("only jobs that wait have a place in the queue", severity="warning")
            return

        def then(priority: int | None) -> None:
            if priority is not None:
                self._do(verbs.deed("prioritise", rows, priority), rows)

        self.app.push_screen(
            Number(f"Priority of {verbs.named(rows)} (higher starts first)", rows[0].priority or 0), then
        )

    def action_output(self) -> None:
        """Show the log of the first of them."""
        self.labd.show_log(self.chosen()[0].id)

    def action_curves(self) -> None:
        """Draw the metrics of the first of them."""
        from labd.tui.screens.curves import Curves

        self.app.push_screen(Curves(self.chosen()[0].id))

    def action_images(self) -> None:
        """Show the pictures that the first of them made."""
        from labd.tui.screens.image import Pictures

        self.app.push_screen(Pictures(self.chosen()[0].id))

    def action_submit(self) -> None:
        from labd.tui.screens.submit import submit

        start(self, "form", submit, self)

    def action_submit_like(self) -> None:
        from labd.tui.screens.submit import submit_like

        start(self, "form", submit_like, self, self.chosen()[0].id)

    def done(self) -> None:
        """Something was done: marks may go."""

    def _do(self, deed: verbs.Deed, rows: list[JobRow]) -> None:
        what = f"{verbs.named(rows)} {deed.verb.done}"
        start(self.app, "deeds", self.labd.do, what, deed.steps, deed.undo, only=False)
        self.done()

    def _ask(self, deed: verbs.Deed, rows: list[JobRow]) -> None:
        from labd.tui.screens.confirm import Confirm

        def then(yes: bool | None) -> None:
            if yes:
                self._do(deed, rows)

        name = deed.verb.name
        self.app.push_screen(
            Confirm(f"{name.capitalize()} {verbs.named(rows)}?", deed.verb.warning, name), then
        )
