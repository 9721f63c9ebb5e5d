"""Helpers to make lists of arguments, and to read words as booleans."""

from labd.dljob.helpers import bool_str, copy_update, is_str, truthy, update_list

__all__ = ["bool_str", "copy_update", "is_str", "truthy", "update_list"]
