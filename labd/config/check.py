"""Sources of configuration -> instances of structs, with every problem at once.

Tables are merged over the sources, anything else is taken from the last source that has it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from labd.config.annotations import Member, branch, members
from labd.config.lines import Path
from labd.config.names import default_origins, suggestion
from labd.config.origins import MISSING, Origin, Source, dotted
from labd.config.problems import Problem
from labd.config.render import short
from labd.config.secrets import BadSecret, Secret
from labd.config.table import merged_table
from labd.config.values import BadValue, Reader, is_private, open_secret
from labd.config.words import accepted, must_be

_FAILED: Any = object()
REST = "*"
"""The name of a field that collects the tables which its struct does not name."""


class Checked(NamedTuple):
    """The outcome: *value* is None when there are problems."""

    value: Any
    origins: dict[str, Origin]
    problems: list[Problem]


def check(
    struct: type[msgspec.Struct], sources: Sequence[Source], env: Mapping[str, str], at: Path = ()
) -> Checked:
    """Read the table *at* of *sources* as *struct*. Raises nothing."""
    checker = _Checker(struct, env, at)
    value = checker.table(Member(struct), at, [source for source in sources if source.get(at) is not MISSING])
    return Checked(None if checker.problems else value, checker.origins, checker.problems)


class _Checker:
    def __init__(self, struct: type[msgspec.Struct], env: Mapping[str, str], root: Path) -> None:
        self.problems: list[Problem] = []
        self.origins: dict[str, Origin] = {}
        self._struct = struct
        self._env = env
        self._root = root

    def table(self, member: Member, path: Path, sources: Sequence[Source]) -> Any:
        tables = self._tables(path, sources)
        fields = {field.encode_name: field for field in msgspec.structs.fields(member.base)}
        rest = fields.pop(REST, None)
        tag = member.base.__struct_config__.tag_field
        self._refuse_unknown([*fields, tag], path, tables, tables_allowed=rest is not None)
        values = {field.name: self._field(field, (*path, key), tables) for key, field in fields.items()}
        if rest:
            values[rest.name] = self._collect(set(fields), path, tables)
        if any(value is _FAILED for value in values.values()) or len(tables) < len(sources):
            return _FAILED
        return self._build(member.base, {k: v for k, v in values.items() if v is not MISSING}, path, tables)

    def _tables(self, path: Path, sources: Sequence[Source]) -> list[Source]:
        good = []
        for source in sources:
            if isinstance(source.get(path), dict):
                good.append(source)
            else:
                self._problem(source, path, "must be a table", hide=bool(self._root))
        return good

    def _refuse_unknown(
        self, known: Collection[str | None], path: Path, sources: Sequence[Source], *, tables_allowed: bool
    ) -> None:
        for source in sources:
            for key, value in source.get(path).items():
                if key in known or (tables_allowed and isinstance(value, dict)):
                    continue
                what = suggestion(self._struct, self._root, source, (*path, key), known)
                # in a plugin's table the text may be a secret with a misspelt name
                shown = "" if isinstance(value, dict) or path[:1] == ("plugins",) else short(value)
                inner = (*path, key)
                self.problems.append(Problem(source.origin(inner), dotted(inner), shown, what))

    def _field(self, field: msgspec.structs.FieldInfo, path: Path, sources: Sequence[Source]) -> Any:
        given = [source for source in sources if source.get(path) is not MISSING]
        if given:
            return self.value(field.type, path, given)
        if not field.required:
            self.origins |= default_origins(field.type, path)
            return MISSING
        words = accepted(field.type)
        place = sources[-1].origin(path[:-1]) if sources else Origin("default")
        what = "is missing" + (words and f"; it must be {words}")
        self.problems.append(Problem(place, dotted(path), "", what))
        return _FAILED

    def value(self, annotation: Any, path: Path, given: Sequence[Source]) -> Any:
        self._refuse_open_secrets(annotation, path, given[:-1])
        source = given[-1]
        member = branch(annotation, source.get(path))
        if member is None:
            return self._leaf(annotation, path, source)
        if member.is_struct:
            return self.table(member, path, given)
        if member.origin is dict:
            return self._mapping(annotation, member, path, given)
        return self._list(annotation, member, path, source)

    def _refuse_open_secrets(self, annotation: Any, path: Path, overridden: Sequence[Source]) -> None:
        """A value that is not used can be read all the same."""
        if any(member.base is Secret for member in members(annotation)):
            for source in overridden:
                if not source.private and isinstance(source.get(path), str):
                    self._problem(source, path, open_secret(source), hide=True)

    def _mapping(self, annotation: Any, member: Member, path: Path, sources: Sequence[Source]) -> Any:
        tables = self._tables(path, sources)
        values = {}
        for key in dict.fromkeys(key for source in tables for key in source.get(path)):
            given = [source for source in tables if key in source.get(path)]
            values[key] = self.value(member.arguments[1], (*path, key), given)
        if any(value is _FAILED for value in values.values()) or len(tables) < len(sources):
            return _FAILED
        return self._converted(annotation, values, path, tables[-1])

    def _list(self, annotation: Any, member: Member, path: Path, source: Source) -> Any:
        self.origins[dotted(path)] = source.origin(path)
        raw = source.get(path)
        items = [self.value(member.item, (*path, index), [source]) for index in range(len(raw))]
        if any(item is _FAILED for item in items):
            return _FAILED
        if member.extra("unique") and (twice := [item for item in items if items.count(item) > 1]):
            return self._problem(source, path, f"{short(twice[0])} is there more than once")
        return self._converted(annotation, items, path, source)

    def _leaf(self, annotation: Any, path: Path, source: Source) -> Any:
        reader = Reader(source, self._env)
        try:
            value = reader.plain(annotation, source.get(path), whole=path == source.leaf)
        except (BadValue, BadSecret) as error:
            return self._problem(source, path, str(error), hide=is_private(annotation, source.get(path)))
        result = self._converted(annotation, value, path, source, reader)
        if reader.via or isinstance(path[-1], str):
            self.origins[dotted(path)] = source.origin(path)._replace(via=reader.via)
        return result

    def _converted(
        self, annotation: Any, value: Any, path: Path, source: Source, reader: Reader | None = None
    ) -> Any:
        reader = reader or Reader(source, self._env)
        hide = is_private(annotation, source.get(path))
        try:
            return msgspec.convert(value, annotation, dec_hook=reader.custom, str_keys=True)
        except BadSecret as error:
            return self._problem(source, path, str(error), hide=hide)
        except msgspec.ValidationError as error:
            return self._problem(source, path, must_be(annotation, value, error, hide=hide), hide=hide)

    def _build(self, struct: Any, values: dict[str, Any], path: Path, sources: Sequence[Source]) -> Any:
        try:
            return struct(**values)
        except (ValueError, TypeError) as error:  # what __post_init__ refuses
            place = sources[-1].origin(path) if sources else Origin("default")
            self.problems.append(Problem(place, dotted(path), "", str(error)))
            return _FAILED

    def _collect(self, known: set[str], path: Path, sources: Sequence[Source]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for source in sources:
            given = source.get(path).items()
            merged = merged_table(merged, {k: v for k, v in given if k not in known and isinstance(v, dict)})
        return merged

    def _problem(self, source: Source, path: Path, what: str, *, hide: bool = False) -> Any:
        raw = source.get(path)
        value = "" if isinstance(raw, dict) else "***" if hide else short(raw)
        self.problems.append(Problem(source.origin(path), dotted(path), value, what))
        return _FAILED
