"""The pages: what the number keys show. A page is imported when it is first seen."""

import importlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from labd.tui.screens.base import Page


class Entry(NamedTuple):
    """A page: its key, its title, where its class is (``module:Class``)."""

    name: str
    key: str
    title: str
    where: str
    help: str

    def make(self) -> "Page":
        """A new page."""
        module, _, name = self.where.partition(":")
        made: Page = getattr(importlib.import_module(module), name)()
        return made


PAGES = {
    entry.name: entry
    for entry in (
        Entry(
            "overview",
            "1",
            "Overview",
            "labd.tui.screens.overview:Overview",
            "the machine and what runs on it",
        ),
        Entry(
            "jobs", "2", "Jobs", "labd.tui.screens.jobs:Jobs", "all jobs: find them, look at them, steer them"
        ),
        Entry("logs", "3", "Logs", "labd.tui.screens.logs:Logs", "the output of a job"),
        Entry(
            "maps", "4", "Fan-out", "labd.tui.screens.maps:Maps", "maps of a function, and how far they are"
        ),
        Entry(
            "models",
            "5",
            "Models",
            "labd.tui.screens.models:ModelsPage",
            "models that are served: queues, batches, workers",
        ),
        Entry(
            "plugins",
            "6",
            "Plugins",
            "labd.tui.screens.plugins:Plugins",
            "plugins and services, and their state",
        ),
        Entry("events", "7", "Events", "labd.tui.screens.events:Events", "what happened, and what happens"),
        Entry("panels", "8", "Panels", "labd.tui.screens.panels:Panels", "what plugins show"),
    )
}
