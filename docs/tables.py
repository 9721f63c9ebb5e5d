"""Markdown tables, and the one that every record gets: a field and its meaning a line."""

from collections.abc import Iterable, Mapping

import msgspec

from labd.daemon.events import PRIVATE


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def fields(struct: type[msgspec.Struct], meanings: Mapping[str, str], more: Iterable[str] = ()) -> str:
    """Every field of *struct* (and *more* names) with its meaning. Raises KeyError for one without."""
    found = (field.encode_name for field in msgspec.structs.fields(struct))
    names = [*(name for name in found if name not in PRIVATE), *more]
    if unknown := set(meanings) - set(names):
        raise KeyError(f"docs/words.py explains {unknown}, which {struct.__name__} does not have")
    return table(["field", "meaning"], [[code(name), meanings[name]] for name in names])
