"""Delivers one message to one target: in a child process, or by what a plugin offers. Never on the loop."""

import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

import msgspec
import trio

from labd.api.notify import Notifier
from labd.config.notify import TAKES, Target
from labd.daemon.faults import one_line

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
_CODE = "import sys; sys.path.append(sys.argv[1]); from labd.daemon.notices.child import main; main()"
CHILD = (sys.executable, "-I", "-X", "utf8", "-c", _CODE, ROOT)

PATIENCE = 2.0
"""Seconds beyond a target's timeout in which the child may still say that it is late."""


class Senders:
    """Knows the targets of the configuration and the *notifiers* of plugins, by their kinds."""

    def __init__(self, notifiers: Mapping[str, Notifier]) -> None:
        self._notifiers = notifiers
        self.targets: Mapping[str, Target] = {}

    def problem(self, name: str) -> str:
        """Why nothing can be sent to the target *name*, or nothing."""
        target = self.targets.get(name)
        if target is None:
            return f"there is no target {name} in the configuration"
        if target.kind == "apprise" and find_spec("apprise") is None:
            return "apprise is not installed: pip install labd[apprise]"
        if target.kind in TAKES:
            return ""
        if target.kind not in self._notifiers:
            known = ", ".join([*TAKES, *self._notifiers])
            return f"nothing offers the kind {target.kind}; there are: {known}"
        return self._wrong_settings(target)

    async def send(self, name: str, message: dict[str, Any]) -> str:
        """Try once; why it was not delivered, or nothing when it was. Raises nothing but Cancelled."""
        if problem := self.problem(name):
            return problem
        target = self.targets[name]
        send = partial(by_child, order(target, message), target.timeout)
        if target.kind not in TAKES:
            send = partial(_by_plugin, self._notifiers[target.kind], target, message)
        with trio.move_on_after(target.timeout + PATIENCE):
            try:
                return await send()
            except Exception as error:  # of a plugin, or no process to be had
                return one_line(error)
        return f"no end after {target.timeout:g} s"

    def _wrong_settings(self, target: Target) -> str:
        try:
            _settings(self._notifiers[target.kind], target)
        except msgspec.ValidationError as error:
            return f"settings: {error}"
        return ""


def order(target: Target, message: dict[str, Any]) -> dict[str, Any]:
    """What the child is told: the secrets go through a pipe, where nobody else reads them."""
    return {
        "kind": target.kind,
        "argv": target.argv,
        "url": target.url.reveal() if target.url else "",
        "headers": {name: value.reveal() for name, value in target.headers.items()},
        "timeout": target.timeout,
        "message": message,
    }


async def by_child(what: dict[str, Any], timeout: float) -> str:
    """Let a child process of its own group deliver it; why not, or nothing."""
    done = await trio.run_process(
        CHILD,
        stdin=json.dumps(what).encode(),
        stdout=subprocess.DEVNULL,
        capture_stderr=True,
        check=False,
        deliver_cancel=_end_group,
        start_new_session=True,
        cwd="/",
    )
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"its process ended with {done.returncode}"


async def _end_group(process: trio.Process) -> None:
    """Also what a command has started; as it is not yet waited for, the number is still its own."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)


async def _by_plugin(notifier: Notifier, target: Target, message: dict[str, Any]) -> str:
    await called(notifier.send, _settings(notifier, target), message)
    return ""


async def called(send: Callable[[Any, dict[str, Any]], Any], settings: Any, message: dict[str, Any]) -> None:
    """Call what a plugin sends with: a plain function in a thread."""
    if inspect.iscoroutinefunction(send):
        await send(settings, message)
    else:
        await trio.to_thread.run_sync(send, settings, message, abandon_on_cancel=True)


def _settings(notifier: Notifier, target: Target) -> msgspec.Struct:
    return msgspec.convert(target.settings, notifier.settings, strict=False)
