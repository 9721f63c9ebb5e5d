"""Work beside the drawing. What goes wrong in it is told, and never ends the application."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from textual.dom import DOMNode


def start(
    node: DOMNode, group: str, work: Callable[..., Awaitable[None]], *args: Any, only: bool = True
) -> None:
    """Run ``work(*args)`` as long as *node* is there. With *only* it replaces others of its group."""
    made: Any = partial(work, *args)
    node.run_worker(made, group=group, exclusive=only, exit_on_error=False)
