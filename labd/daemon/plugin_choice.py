"""Which plugins may load: pure."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from labd.config import Plugins
from labd.daemon.plugins import Found


class Choice(NamedTuple):
    """*enabled* (all, when empty) less *disabled*, both with patterns such as ``lab-*``; *safe* keeps to
    those that ship with labd."""

    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    safe: bool = False

    def refusal(self, found: Found) -> str:
        """Why *found* stays out, or an empty string."""
        if self.safe and not found.ships:
            return "labd runs in safe mode"
        if _match(found.name, self.disabled):
            return "disabled in the configuration"
        if self.enabled and not _match(found.name, self.enabled):
            return "not among plugins.enabled in the configuration"
        return ""

    def missing(self, names: Iterable[str]) -> list[str]:
        """What is enabled by its name, and is not among *names*."""
        return sorted(name for name in self.enabled.difference(names) if not set(name) & set("*?["))


def chosen(plugins: Plugins, *, safe: bool) -> Choice:
    """The choice of a configuration."""
    return Choice(frozenset(plugins.enabled), frozenset(plugins.disabled), safe)


def _match(name: str, patterns: frozenset[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


EVERY = Choice()
