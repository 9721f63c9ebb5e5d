"""Asks before what cannot be taken back, and for a number."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from labd.tui.screens.base import Dialog


class Confirm(Dialog):
    """Yes or no; the answer is a bool, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="confirm.yes"),
        Binding("n", "dismiss(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: str, about: str, verb: str) -> None:
        super().__init__()
        self._question, self._about, self._verb = question, about, verb

    def body(self) -> ComposeResult:
        yield Static(self._question, markup=False)
        yield Label(self._about, markup=False)
        with Horizontal(classes="buttons"):
            yield Button(f"{self._verb.capitalize()} (y)", variant="error", id="yes")
            yield Button("No (n)", id="no")

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


class Number(Dialog):
    """Asks for a whole number; the answer is an int, or None."""

    def __init__(self, question: str, value: int) -> None:
        super().__init__()
        self._question, self._value = question, value

    def body(self) -> ComposeResult:
        yield Static(self._question, markup=False)
        yield Input(str(self._value), type="integer", select_on_focus=True)
        yield Static("", classes="error", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(int(event.value))
        except ValueError:
            self.query_one(".error", Static).update(f"{event.value!r} is not a whole number")
