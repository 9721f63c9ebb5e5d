"""What makes a function fit for a task."""

from labd.dljob.decorators import as_json, attempt, expand_args

__all__ = ["as_json", "attempt", "expand_args"]
