"""Files of newline-delimited JSON."""

from labd.dljob.ndjson import apply, read, write

__all__ = ["apply", "read", "write"]
