"""Where a value came from: the sources of configuration, and the place of each key in them."""

import os
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from labd.config.lines import Path, line_of
from labd.config.render import key_text

Kind = Literal["default", "file", "env", "option"]
MISSING: Final = object()


class Origin(NamedTuple):
    """Where one value came from; prints as a place that a person can go to.

    ``name`` is the file, the variable or the option's key; ``line`` counts from 1, 0 is not known;
    ``via`` is the reference that the value was read through (``env TOKEN``).
    """

    kind: Kind
    name: str = ""
    line: int = 0
    via: str = ""

    @property
    def place(self) -> str:
        if self.kind == "file":
            return f"{self.name}:{self.line}" if self.line else self.name
        return {"env": f"env {self.name}", "option": f"option -o {self.name}"}.get(self.kind, self.kind)

    def __str__(self) -> str:
        return f"{self.place}, from {self.via}" if self.via else self.place


DEFAULT = Origin("default")


class Source(NamedTuple):
    """One source of values: a file, one variable or one option. Later sources win.

    ``text`` is what a variable or an option says, before it was read as TOML; ``leaf`` is the one key
    that it sets. ``private`` is whether nobody but its owner can read it.
    """

    kind: Kind
    name: str
    tree: dict[str, Any]
    lines: Mapping[Path, int] = {}
    text: str | None = None
    leaf: Path = ()
    private: bool = True

    def get(self, path: Path) -> Any:
        """The value at *path*, or MISSING."""
        value: Any = self.tree
        for step in path:
            fits = isinstance(value, list if isinstance(step, int) else dict)
            try:
                value = value[step] if fits else MISSING
            except (KeyError, IndexError):
                return MISSING
        return value

    def origin(self, path: Path) -> Origin:
        return Origin(self.kind, self.name, line_of(self.lines, path))

    @property
    def folder(self) -> str:
        """What relative files are relative to."""
        return os.path.dirname(os.path.abspath(self.name)) if self.kind == "file" else os.getcwd()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"  # the tree may hold secrets


def dotted(path: Path) -> str:
    """*path* as people write it: ``plugins.edge.cameras[0].url``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + key_text(step)
    return text


def variable_name(path: Path) -> str:
    """The environment variable that sets *path*: ``LABD_SECTION__KEY``."""
    return "LABD_" + "__".join(str(step).upper().replace("-", "_") for step in path)
