"""Arrays for whoever has no use for numpy: their bytes, with a dtype and a shape. Standard library only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Block:
    """An array in *parts*, which follow each other and make it up. *kind* is a dtype as numpy writes it.

    Without a *shape* the parts are bytes in a row. Sent to a worker, it comes as an array of numpy.
    """

    __slots__ = ("kind", "nbytes", "parts", "shape")

    def __init__(self, parts: Sequence[Any], kind: str = "|u1", shape: Sequence[int] | None = None) -> None:
        self.parts, self.kind = parts, kind
        self.nbytes = sum(map(len, parts))
        self.shape = [self.nbytes] if shape is None else list(shape)

    @property
    def data(self) -> bytes:
        """All of it."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
