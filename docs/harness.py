"""The generated parts about ``labd.testing``: names, fixtures and controls, as their docstrings say."""

import inspect
from collections.abc import Iterator

from docs.api import _markdown as markdown
from docs.tables import table
from labd import testing
from labd.api import node as api
from labd.testing import plugin
from labd.testing.clock import Clock
from labd.testing.devices import Devices
from labd.testing.memory import Disk, MemoryBlobs
from labd.testing.parts import RecordedEvents, ScriptedJobs

PARTS = {
    "jobs": (ScriptedJobs, api.Jobs),
    "events": (RecordedEvents, api.Events),
    "blobs": (MemoryBlobs, api.Blobs),
    "clock": (Clock, api.Clock),
    "devices": (Devices, object),
    "disk": (Disk, object),
}
"""What hangs on a node, and what the API has of it."""

INSIDE = {"capacity", "check", "error", "wait_room"}
"""What the parts have for each other."""


def names() -> str:
    """Every public name, in one line each."""
    rows = [[f"`{name}{_taken(getattr(testing, name))}`", _line(getattr(testing, name))] for name in testing.__all__]
    return table(["name", "what it is"], rows)


def fixtures() -> str:
    """Every fixture."""
    found = [name for name in vars(plugin) if name.startswith("labd_")]
    return table(["fixture", "what it is"], [[f"`{name}`", _line(getattr(plugin, name))] for name in found])


def controls() -> str:
    """What a test can do to a node that a plugin cannot."""
    rows = [
        [f"`node.{part}.{name}{_taken(thing)}`", _line(thing)]
        for part, (twin, known) in PARTS.items()
        for name, thing in _own(twin, known)
    ]
    return table(["on a node", "what it does"], rows)


def _own(twin: type, known: type) -> Iterator[tuple[str, object]]:
    for name, thing in vars(twin).items():
        if not name.startswith("_") and name not in vars(known) and name not in INSIDE:
            yield name, thing


def _taken(thing: object) -> str:
    """The parameters as they are written, without types."""
    if not callable(thing):
        return ""
    found = [p for p in inspect.signature(thing).parameters.values() if p.name != "self"]
    shown = [("**" if p.kind is p.VAR_KEYWORD else "*" if p.kind is p.VAR_POSITIONAL else "") + p.name for p in found]
    return f"({', '.join(shown)})"


def _line(thing: object) -> str:
    return markdown((inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " "))
