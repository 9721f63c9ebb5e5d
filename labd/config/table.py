"""The raw table of one plugin, and how tables of several sources become one."""

from typing import Any


class Table(dict[str, Any]):
    """The raw settings of one plugin; they may hold secrets, so only the names print."""

    def __repr__(self) -> str:
        return f"<table: {', '.join(self)}>"


def merged_table(old: dict[str, Any], new: dict[str, Any]) -> Table:
    """*old* with *new* over it: tables are merged, anything else is replaced."""
    result = Table(old)
    for key, value in new.items():
        before = result.get(key)
        tables = isinstance(value, dict)
        result[key] = merged_table(before if isinstance(before, dict) else {}, value) if tables else value
    return result
