"""Commands that other distributions add, found by name so that nobody pays for those he does not use."""

from types import ModuleType

from labd.cli.names import ENTRY_POINTS
from labd.errors import LabdError


def listed() -> dict[str, str]:
    """The names that are there, sorted, and where each is from; to know more one would have to import it."""
    from importlib.metadata import entry_points  # 40 ms: only for help and for unknown names

    found = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    return {entry.name: f"from plugin {entry.dist.name}" if entry.dist else "" for entry in found}


def find(name: str) -> ModuleType | None:
    """The command *name*, or None. Raises LabdError when it is there and cannot be loaded."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=ENTRY_POINTS, name=name):
        try:
            module: ModuleType = entry.load()
        except Exception as error:  # whatever foreign code raises as it is imported
            owner = entry.dist.name if entry.dist else entry.value
            failure = LabdError(f"{name} of {owner}: {error}", hint=f"update or uninstall {owner}")
            failure.title = "broken command"
            raise failure from error
        return module
    return None
