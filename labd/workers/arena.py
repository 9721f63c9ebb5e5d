"""Who has which bytes of a piece of shared memory. Pure."""

import bisect

ALIGN = 64


class Arena:
    """Hands out ranges of *size* bytes, the lowest that fit: what was touched before is used again."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        self._taken: dict[int, int] = {}
        self._free = [(0, size)] if size else []

    def take(self, count: int) -> int | None:
        """Where *count* bytes are now held; None when there is no such range."""
        want = max(-(-count // ALIGN) * ALIGN, ALIGN)
        for index, (start, length) in enumerate(self._free):
            if length >= want:
                self._free[index : index + 1] = [(start + want, length - want)] if length > want else []
                self._taken[start] = want
                self.held += want
                return start
        return None

    def give(self, start: int) -> None:
        """Take back the range at *start*. Raises KeyError when nobody holds it."""
        length = self._taken.pop(start)
        self.held -= length
        index = bisect.bisect(self._free, (start, 0))
        end = start + length
        if index < len(self._free) and self._free[index][0] == end:
            end += self._free.pop(index)[1]
        if index and sum(self._free[index - 1]) == start:
            index -= 1
            start = self._free.pop(index)[0]
        self._free.insert(index, (start, end - start))
