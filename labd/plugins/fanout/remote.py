"""On another machine: makes the calls of one task, each written down before the next. Standard library only.

What is left in ``output`` when it dies is what it did: of the calls after the first one that is missing none
was begun.
"""

import faulthandler
import importlib
import json
import os
import sys
from typing import Any

from labd.plugins.fanout.child import Calls, described

GRACE = 2.0
"""Seconds over its time limit after which a call that heeds nothing is ended with the task."""


def main(folder: str) -> None:
    """Make the calls that ``input`` in *folder* names."""
    with open(os.path.join(folder, "input"), "rb") as file:
        told = json.loads(file.read())
    output = os.open(os.path.join(folder, "output"), os.O_WRONLY | os.O_APPEND)
    log = os.dup(2)  # the calls get another one
    sys.path[:1] = [os.getcwd(), *told["path"]]
    try:
        for module in told["modules"]:
            importlib.import_module(module)
        calls = Calls(
            told["function"], told["source"], told["kwargs"], told["time_limit"],
            tell=lambda method, outcomes: _record(output, outcomes),
        )  # fmt: skip
    except BaseException as error:
        _write(output, {"failed": json.loads(described(error))})
        os._exit(1)
    _make(calls, told, output, log)
    os.fsync(output)
    os._exit(0)  # whatever the calls left running ends with the task


def _make(calls: Calls, told: dict[str, Any], output: int, log: int) -> None:
    limit = told["time_limit"]
    for place, call in enumerate(told["calls"]):
        if limit:
            faulthandler.dump_traceback_later(limit + GRACE, exit=True, file=log)
        line = "" if told["bounds"] else told["lines"][place]
        _record(output, calls.run([call], line.encode(), told["bounds"]))


def _record(output: int, outcomes: list[list[Any]]) -> None:
    for outcome in outcomes:
        _write(output, outcome)


def _write(output: int, value: Any) -> None:
    data = json.dumps(value).encode() + b"\n"
    while data:
        data = data[os.write(output, data) :]
