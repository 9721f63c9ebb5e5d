"""The names of all settings, and which of them a wrong name was probably meant to be."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from labd.config.annotations import members
from labd.config.lines import Path
from labd.config.origins import DEFAULT, Origin, Source, dotted, variable_name
from labd.config.render import key_text
from labd.config.words import nearest


def setting_paths(struct: Any, at: Path = ()) -> Iterator[Path]:
    """The path of every setting of *struct*, which stands *at*."""
    for field in msgspec.structs.fields(struct):
        path = (*at, field.encode_name)
        alone = members(field.type)
        if len(alone) == 1 and alone[0].is_struct:
            yield from setting_paths(alone[0].base, path)
        elif field.encode_name != "*":
            yield path


def default_origins(annotation: Any, path: Path) -> dict[str, Origin]:
    """Origins for a setting, or a section of settings, that nobody sets."""
    alone = members(annotation)
    if len(alone) == 1 and alone[0].is_struct:
        return {dotted(inner): DEFAULT for inner in setting_paths(alone[0].base, path)}
    return {dotted(path): DEFAULT}


def suggestion(struct: Any, root: Path, source: Source, path: Path, siblings: Iterable[str | None]) -> str:
    """``no such setting; did you mean ...?`` for the unknown *path*, in the words of its source."""
    names = [name for name in siblings if name]
    everything = {dotted(known): known for known in setting_paths(struct, root)}
    if source.leaf:
        near = everything.get(nearest(dotted(source.leaf), everything))
        if near:
            return _meant(variable_name(near) if source.kind == "env" else dotted(near))
    elif near_key := nearest(str(path[-1]), names):
        return _meant(key_text(near_key))
    elif elsewhere := [name for name, known in everything.items() if known[-1] == path[-1]]:
        return _meant(elsewhere[0])
    return f"no such setting; there are: {', '.join(names) or 'none'}"


def _meant(name: str) -> str:
    return f'no such setting; did you mean "{name}"?'
