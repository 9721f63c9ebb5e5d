"""What the command palette offers: the pages, the looks, and what can be done here and now."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from labd.tui import themes


class Command(NamedTuple):
    title: str
    help: str
    run: Callable[[], Any]


class Commands(Provider):
    """All that applies."""

    async def discover(self) -> Hits:
        for command in self._commands():
            yield DiscoveryHit(command.title, command.run, help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._commands():
            score = matcher.match(command.title)
            if score > 0:
                yield Hit(score, matcher.highlight(command.title), command.run, help=command.help)

    def _commands(self) -> Iterator[Command]:
        app: Any = self.app
        yield from _of_screen(self.screen)
        for page in app.pages.values():
            yield Command(f"Show {page.title}", page.help, partial(app.action_page, page.name))
        for name in themes.NAMES:
            yield Command(f"Theme: {name}", "how everything looks", partial(app.look, name))
        yield Command("Quit", "leave; labd and its jobs go on", app.exit)


def _of_screen(screen: Screen[Any]) -> Iterator[Command]:
    """The bindings of the page that apply now."""
    seen = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        named = binding.id and not binding.id.startswith(("list.", "sheet.", "app.", "log."))
        if not named or not active.enabled or binding.id in seen:
            continue
        seen.add(binding.id)
        title = binding.tooltip or binding.description
        yield Command(title, f"key {screen.app.get_key_display(binding)}", _runs(active.node, binding.action))


def _runs(node: Any, action: str) -> Callable[[], Any]:
    async def run() -> None:
        await node.run_action(action)

    return run
