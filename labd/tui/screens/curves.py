"""What a job reported, as curves; they grow as it reports."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from labd.cli.chart.panel import Curve, Panel
from labd.cli.chart.text import FANCY, LEAST_HEIGHT, lines
from labd.cli.render import Terminal
from labd.cli.times import span
from labd.errors import LabdError
from labd.tui.rows import JobRow
from labd.tui.screens.steering import Steering
from labd.tui.store import Changes
from labd.tui.text import Line, Span, beside, gauge, line, wrapped
from labd.tui.widgets.sheet import Sheet
from labd.tui.work import start

POINTS = 400
GAP = 2
PACE = 0.5
"""Seconds between two questions about curves that grow."""


class Curves(Steering):
    """All metrics of a job's last attempt, each with axes of its own."""

    TOPICS = frozenset({"jobs", "link"})
    HELP_TEXT = """\
    What the job reported with labd.report. L makes the axis logarithmic, x draws over time instead of
    steps. Escape goes back."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back", id="curves.back"),
        Binding("L", "log", "Log axis", id="curves.log"),
        Binding("x", "seconds", "Time/steps", id="curves.time"),
    ]

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number
        self._series: dict[str, dict[str, list[float]]] = {}
        self._attempt = 0
        self._logarithmic, self._over_time = False, False
        self._error, self._asking = "", False

    def body(self) -> ComposeResult:
        yield Sheet(self._picture, id="curves")

    def on_mount(self) -> None:
        self.query_one(Sheet).focus()

    def draw(self, changes: Changes | None) -> None:
        if changes is None or self.number in changes.jobs:
            self._again()
        self.query_one(Sheet).redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return False if action == "curves" else super().check_action(action, parameters)

    def chosen(self) -> list[JobRow]:
        row = self.store.jobs.get(self.number)
        return [row] if row is not None else []

    def action_log(self) -> None:
        self._logarithmic = not self._logarithmic
        self.query_one(Sheet).redraw()

    def action_seconds(self) -> None:
        self._over_time = not self._over_time
        self.query_one(Sheet).redraw()

    def _again(self) -> None:
        """Ask for the curves, one question at a time."""
        if not self._asking:
            self._asking = True
            self.set_timer(PACE if self._series else 0.01, lambda: start(self, "curves", self._asked))

    async def _asked(self) -> None:
        self._asking = False
        try:
            found = await self.link.call("job.metrics", {"job": self.number, "points": POINTS})
            self._series, self._attempt, self._error = found["series"], found["attempt"], ""
        except LabdError as error:
            self._error = error.message
        self.query_one(Sheet).redraw()

    def _picture(self, width: int, height: int) -> list[Line]:
        head = self._head(width)
        panels = [self._panel(name) for name in self._series]
        panels = [panel for panel in panels if any(panel.drawn)]
        if not panels:
            text = self._error or "it has reported no metrics so far (labd.report in the job does)"
            return [*head, *wrapped(text, width, "bad" if self._error else "dim")]
        across = 2 if width >= 120 and len(panels) > 1 else 1
        cell = (width - GAP * (across - 1)) // across
        down = -(-len(panels) // across)
        tall = max((height - len(head)) // down - 1, LEAST_HEIGHT)
        made = list(head)
        for at in range(0, len(panels), across):
            drawn = [_drawn(panel, cell, tall) for panel in panels[at : at + across]]
            made += drawn[0] if len(drawn) == 1 else beside(drawn[0], drawn[1], cell, GAP)
            made.append([])
        return made

    def _head(self, width: int) -> list[Line]:
        row = self.store.jobs.get(self.number)
        if row is None:
            return [line((f"job {self.number}", "title")), []]
        left = f"  {span(row.eta)} left" if row.eta is not None else ""
        bar = (
            [*gauge(row.progress, 20, "good"), Span(f" {row.progress:.1%}")]
            if row.progress is not None
            else []
        )
        newest = [
            [Span(f"{name} ", "dim"), Span(f"{value:.6g}   ", "bold")]
            for name, value in (row.metrics or {}).items()
            if value is not None
        ]
        first = [
            *line((f"{row.id} ", "dim"), (row.name, "title"), f"  {row.state}  "),
            *bar,
            *line((left, "info"), (f"  attempt {self._attempt}", "dim")),
        ]
        return [first, [part for one in newest for part in one], []]

    def _panel(self, name: str) -> Panel:
        series = self._series[name]
        over = series["times"] if self._over_time else series["steps"]
        begun = next((at for at in over if at is not None), 0.0) if self._over_time else 0.0
        points = [(x - begun, y) for x, y in zip(over, series["values"], strict=True) if x is not None]
        return Panel(name, [Curve(name, points)], self._logarithmic, self._over_time)


def _drawn(panel: Panel, width: int, height: int) -> list[Line]:
    """A panel of ``labctl plot``, in our styles."""
    return [_styled(text) for text in lines(panel, Terminal(colour=True), width, height, FANCY)]


_STYLES = {"bold": "bold", "dim": "dim", "cyan": "cyan"}


def _styled(text: str) -> Line:
    """A line with the escapes of labctl as spans."""
    found = Text.from_ansi(text)
    return [Span(found.plain[a:b], _style(str(style))) for a, b, style in _runs(found)]


def _runs(text: Text) -> list[tuple[int, int, str]]:
    made, at = [], 0
    for span_ in sorted(text.spans, key=lambda one: one.start):
        if span_.start > at:
            made.append((at, span_.start, ""))
        made.append((span_.start, span_.end, str(span_.style)))
        at = span_.end
    return [*made, (at, len(text.plain), "")] if at < len(text.plain) else made


def _style(style: str) -> str:
    return next((name for word, name in _STYLES.items() if word in style), "")
