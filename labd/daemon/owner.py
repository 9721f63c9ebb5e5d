"""Whose code is running: a context variable that every task and log line can be asked for."""

from contextvars import ContextVar

LABD = "labd"

OWNER: ContextVar[str] = ContextVar("owner", default=LABD)
"""``labd``, or the name of a plugin. The supervisor sets it; a task passes it on to the tasks it starts."""
