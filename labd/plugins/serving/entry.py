"""All that is known under one model's name: its versions, the one that is asked, and their specs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import trio

from labd.api import ModelSpec, ModelView, NotReady, UnknownModel
from labd.plugins.serving.pipeline import Pipeline
from labd.plugins.serving.version import Version


class Entry:
    """The model *name*. *specs* has every version that can be loaded, the last loaded last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.specs: dict[str, ModelSpec] = {}
        self.versions: dict[str, Version] = {}
        self.pipeline: Pipeline | None = None
        self.newest: Version | None = None
        self.turn = trio.Lock()
        """Held by whoever loads or unloads."""

    def look(self) -> None:
        """Something changed: which version do requests without one go to?"""
        found = [*reversed(self.versions.values())]
        ready = (one for one in found if one.state == "ready")
        self.newest = next(ready, found[0] if found else None)

    def pick(self, version: str) -> Version:
        """The version that takes requests. Raises UnknownModel, NotReady."""
        found = self.versions.get(version) if version else self.newest
        if found is not None:
            return found
        if version and version not in self.specs:
            raise UnknownModel(
                f"model {self.name} has no version {version!r}", hint=f"it has {', '.join(self.specs)}"
            )
        raise NotReady(
            f"model {self.name} is unloaded",
            hint=f"labctl model load {self.name}",
            data={"state": "unloaded"},
        )

    def put(self, version: str, new: Version) -> Version | None:
        """Let *new* be what is served as *version*, and newest; who was it before."""
        old = self.versions.pop(version, None)
        self.versions[version] = new
        self.look()
        return old

    def view(self, version: str = "") -> ModelView:
        """One version; the newest for none. Raises UnknownModel."""
        if self.pipeline is not None:
            return self.pipeline.view()
        live = self.versions.get(version) if version else self.newest
        if live is not None:
            return live.view(live is self.newest)
        if version and version not in self.specs:
            self.pick(version)
        chosen = version or [*self.specs][-1]
        spec = self.specs[chosen]
        return ModelView(
            self.name, chosen, "unloaded", inputs=spec.inputs, outputs=spec.outputs,
            max_batch_size=spec.max_batch_size, newest=not self.versions,
        )  # fmt: skip

    def views(self) -> list[ModelView]:
        """Every version."""
        return [self.view()] if self.pipeline is not None else [self.view(one) for one in self.specs]


def unknown(name: str, known: Iterable[str]) -> UnknownModel:
    """There is no model *name*; but there may be one with nearly that name."""
    known = [*known]
    near = difflib.get_close_matches(name, known, 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "labctl model list"
        if known
        else "none is declared or loaded"
    )
    return UnknownModel(f"there is no model {name!r}", hint=hint)
