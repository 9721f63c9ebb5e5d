"""A form for a new job."""

import os
import shlex
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Button, Input, Label, Static

from labd.errors import LabdError
from labd.tui.screens.base import Dialog, Page
from labd.tui.work import start
from labd.units import parse_bytes, parse_seconds

FIELDS = {
    "command": ("Command", "python train.py --epochs 10"),
    "name": ("Name", "what to call it"),
    "cwd": ("Folder", "where it runs"),
    "cpus": ("Cores", "1"),
    "memory": ("Memory", "8G; empty for the usual"),
    "gpus": ("GPUs", "1, or 0.5 of one"),
    "time_limit": ("Time limit", "2h; empty for the usual"),
    "priority": ("Priority", "0"),
    "group": ("Group", ""),
    "tags": ("Tags", "separated by blanks"),
}


def spec_of(
    values: dict[str, str], env: dict[str, str], base: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What ``job.submit`` takes. Raises ValueError that names the field."""
    spec = {**(base or {}), "cwd": values["cwd"] or "/", "env": env}
    argv = _read("Command", shlex.split, values["command"])
    if not argv and "script" not in spec:
        raise ValueError("Command: what is to be run?")
    spec |= {"argv": argv, "name": values["name"] or (os.path.basename(argv[0]) if argv else "")}
    numbers = {
        "cpus": float,
        "memory": parse_bytes,
        "gpus": float,
        "time_limit": parse_seconds,
        "priority": int,
    }
    for field, read in numbers.items():
        if values[field].strip():
            spec[field] = _read(FIELDS[field][0], read, values[field].strip())
    texts = {"group": values["group"], "tags": values["tags"].split()}
    return spec | {field: value for field, value in texts.items() if value}


def _read(name: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


class Submit(Dialog):
    """The form; the answer is a spec, or None."""

    def __init__(
        self, values: dict[str, str], env: dict[str, str], base: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._values, self._env, self._base = values, env, base

    def body(self) -> ComposeResult:
        yield Static("New job", classes="heading", markup=False)
        for field, (label, about) in FIELDS.items():
            with Horizontal(classes="field"):
                yield Label(label)
                yield Input(self._values.get(field, ""), placeholder=about, id=field, compact=True)
        yield Static("", classes="error", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Submit", variant="primary", id="submit", compact=True)
            yield Button("Leave", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#command", Input).focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._send()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "leave":
            self.dismiss(None)
        else:
            self._send()

    def _send(self) -> None:
        values = {field: self.query_one(f"#{field}", Input).value for field in FIELDS}
        try:
            spec = spec_of(values, self._env | {"PWD": values["cwd"] or "/"}, self._base)
        except ValueError as error:
            self.query_one(".error", Static).update(str(error))
            return
        start(self, "form", self._sent, spec)

    async def _sent(self, spec: dict[str, Any]) -> None:
        """The form stays until the daemon has taken the job."""
        try:
            answer = await self.labd.link.call("job.submit", {"spec": spec, "key": os.urandom(16).hex()})
        except LabdError as error:
            self.query_one(".error", Static).update(f"{error.message}\n{error.hint}".strip())
            return
        self.labd.notify(f"Submitted job {answer['job']['id']} ({answer['job']['name']})", markup=False)
        self.dismiss(answer["job"]["id"])


async def submit(page: Page) -> None:
    """Open an empty form."""
    try:
        there = await page.labd.login()
    except LabdError as error:
        page.labd.complain(error)
        return
    page.app.push_screen(Submit({"cwd": there["cwd"], "cpus": "1"}, there["env"]))


async def submit_like(page: Page, number: int) -> None:
    """Open a form filled in like a job that there is, with its environment and script."""
    try:
        shown = await page.link.call("job.show", {"job": number})
        env = shown.get("env")
        env = env if env is not None else (await page.labd.login())["env"]
    except LabdError as error:
        page.labd.complain(error)
        return
    job = shown["job"]
    values = {field: str(job[field]) for field in ("name", "cwd", "group", "cpus") if job.get(field)}
    values |= {"command": shlex.join(job["argv"]), "tags": " ".join(job.get("tags") or ())}
    values |= {
        field: f"{job[field]:g}" for field in ("gpus", "memory", "priority", "time_limit") if job.get(field)
    }
    values["memory"] = str(job["memory"] or "") if job.get("memory") else ""
    base = {"script": shown["script"]} if shown.get("script") else {}
    page.app.push_screen(Submit(values, env, base))
