"""Dialogs of models: ask one something, load one."""

import json
import time
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from labd.cli.modelled import milliseconds
from labd.errors import LabdError
from labd.tui.screens.base import Dialog
from labd.tui.tensors import example, packed, shown
from labd.tui.work import start

FIELDS = {
    "name": ("Name", "what clients call it"),
    "target": ("Class", "module:Class"),
    "path": ("Folder", "where its module is"),
    "workers": ("Workers", "1"),
    "version": ("Version", "empty for 1"),
    "arguments": ("Arguments", "scale=2 file=/srv/w.npz"),
}
LONGEST = 600.0
"""Seconds for an answer."""


class AskModel(Dialog):
    """A field for each input, and below what the model said."""

    def __init__(self, view: dict[str, Any]) -> None:
        super().__init__(classes="wide")
        self._view = view
        self._inputs = view["inputs"] or [{"name": "input", "datatype": "FP32", "shape": [-1, 1]}]

    def body(self) -> ComposeResult:
        yield Static(
            f"Ask {self._view['name']} version {self._view['version']}", classes="heading", markup=False
        )
        for number, one in enumerate(self._inputs):
            shape = ", ".join("any" if size < 0 else str(size) for size in one["shape"])
            yield Label(f"{one['name']}  {one['datatype']}[{shape}]", markup=False)
            yield Input(example(one), id=f"input-{number}")
        yield Static("", classes="answer", markup=False)
        yield Static("", classes="error", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Ask", variant="primary", id="ask", compact=True)
            yield Button("Leave", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#input-0", Input).focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._ask()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "leave":
            self.dismiss(None)
        else:
            self._ask()

    def _ask(self) -> None:
        texts = [self.query_one(f"#input-{number}", Input).value for number in range(len(self._inputs))]
        try:
            inputs = [packed(one, text) for one, text in zip(self._inputs, texts, strict=True)]
        except ValueError as error:
            self._say(error=str(error))
            return
        self._say("asking ...")
        start(self, "ask", self._asked, inputs)

    async def _asked(self, inputs: list[dict[str, Any]]) -> None:
        ask = {"model": self._view["name"], "version": self._view["version"], "inputs": inputs}
        begun = time.perf_counter()
        try:
            reply = await self.labd.link.call("model.infer", ask, LONGEST)
        except LabdError as error:
            self._say(error=f"{error.message}\n{error.hint or ''}".strip())
            return
        took = milliseconds(time.perf_counter() - begun)
        said = [f"{one['name']} = {shown(one)}" for one in reply["outputs"]]
        self._say("\n".join([*said, f"after {took}, by version {reply['version']}"]))

    def _say(self, answer: str = "", error: str = "") -> None:
        self.query_one(".answer", Static).update(answer)
        self.query_one(".error", Static).update(error)


def load_params(values: dict[str, str]) -> dict[str, Any]:
    """What ``model.load`` takes. Raises ValueError."""
    if not values["name"].strip():
        raise ValueError("Name: what is it called?")
    spec: dict[str, Any] = {field: values[field] for field in ("target", "version") if values[field]}
    if not spec.get("target"):
        return {"model": values["name"].strip()}
    if values["workers"].strip():
        if not values["workers"].strip().isdecimal():
            raise ValueError("Workers: a whole number")
        spec["workers"] = int(values["workers"])
    spec["path"] = [values["path"]] if values["path"] else []
    spec["arguments"] = dict(_argument(word) for word in values["arguments"].split())
    return {"model": values["name"].strip(), "spec": spec}


def _argument(word: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not key or not equals:
        raise ValueError(f"Arguments: {word!r} is not KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


class LoadModel(Dialog):
    """A form for a model; the answer is what ``model.load`` takes, or None."""

    def body(self) -> ComposeResult:
        yield Static("Load a model", classes="heading", markup=False)
        yield Label("Without a class it is loaded as it is declared, or as it was.", markup=False)
        for field, (label, about) in FIELDS.items():
            with Horizontal(classes="field"):
                yield Label(label)
                yield Input(placeholder=about, id=field, compact=True)
        yield Static("", classes="error", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Load", variant="primary", id="load", compact=True)
            yield Button("Leave", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#name", Input).focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._done()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "leave":
            self.dismiss(None)
        else:
            self._done()

    def _done(self) -> None:
        try:
            params = load_params({field: self.query_one(f"#{field}", Input).value for field in FIELDS})
        except ValueError as error:
            self.query_one(".error", Static).update(str(error))
            return
        self.dismiss(params)
